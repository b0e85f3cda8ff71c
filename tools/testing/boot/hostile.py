# SPDX-License-Identifier: GPL-2.0
"""The virtio-iommu device that lies on request, as a process beside QEMU."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from pathlib import Path
from shutil import rmtree
from typing import Callable

from boot import hoststage, procs, viot
from boot.paths import Layout, MissingInput
from boot.results import StageResult, failed, passed

VARIANT = 'hostile'
CRATE = 'hostile-viommu'
STAGE = f'build/{CRATE}'
#: The device and the functions behind it, machines.HOSTILE_DEVICES: two of them,
#: a bridge, and all that is behind the bridge.
IOMMU = '02.0'
BEHIND = (('06.0', '07.7'), ('0c.0', '0c.7'), ('01:00.0', '01:1f.7'))
_START_SECONDS = 10.0
# A flood of events takes as long as the guest needs to return its buffers.
_ANSWER_SECONDS = 50.0


def program(layout: Layout) -> Path:
    """Where cargo leaves the program."""
    target = Path(hoststage.cargo_environment(layout)['CARGO_TARGET_DIR'])
    return target / 'debug' / CRATE


def build(layout: Layout, logs: Path,
          watch: Callable[[str], None]) -> StageResult:
    """Builds the program."""
    started = time.monotonic()
    workspace = layout.repo / 'tools' / 'testing' / 'host'
    log = logs / f'build-{CRATE}.log'
    status, lines = hoststage.run_logged(
        ['cargo', 'build', '--locked', '-p', CRATE], workspace, log,
        hoststage.cargo_environment(layout), watch)
    outcome = passed(STAGE) if status == 0 else failed(
        STAGE, f'exit status {status}\n' + '\n'.join(lines[-30:]))
    return StageResult(STAGE, [outcome], time.monotonic() - started, str(log))


class Device:
    """The running program; a context manager that always ends it."""

    def __init__(self, layout: Layout,
                 table: procs.ProcessTable = procs.TABLE) -> None:
        self._program = program(layout)
        if not self._program.is_file():
            raise MissingInput(f'no {self._program}: cargo build -p {CRATE}')
        # Unix socket paths are short, so no long TMPDIR is followed.
        self._directory = Path(tempfile.mkdtemp(prefix='rv-', dir='/tmp'))
        self._socket = self._directory / 'device'
        self._control = self._directory / 'control'
        self._acpi = self._directory / 'viot'
        self._table = table
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Device:
        try:
            self._acpi.write_bytes(viot.table(IOMMU, BEHIND))
            with (self._directory / 'errors').open('wb') as errors:
                self._process = self._table.start(
                    [str(self._program), '--socket', str(self._socket),
                     '--control', str(self._control)],
                    stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def _wait(self) -> None:
        """QEMU connects once, so the program has to listen by then."""
        end = time.monotonic() + _START_SECONDS
        while not (self._socket.exists() and self._control.exists()):
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > end:
                raise OSError(f'{CRATE} does not start: {self.errors()}')
            time.sleep(0.02)

    def arguments(self) -> list[str]:
        """What QEMU needs beside the device itself."""
        return ['-chardev', f'socket,id=viommu,path={self._socket}',
                '-acpitable', f'file={self._acpi}']

    def ask(self, command: str) -> str:
        """Sends one command; returns the answer without its first word."""
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(_ANSWER_SECONDS)
            channel.connect(str(self._control))
            channel.sendall(command.encode() + b'\n')
            with channel.makefile(encoding='utf-8') as answer:
                word, _, text = answer.readline().strip().partition(' ')
        if word != 'ok':
            raise ValueError(text or f'{CRATE} does not answer')
        return text

    def errors(self) -> str:
        """What the program complained about."""
        try:
            return (self._directory / 'errors').read_text(
                errors='replace').strip()
        except FileNotFoundError:
            return ''

    def stop(self) -> None:
        """Ends the program and removes its files; may be called twice."""
        if self._process is not None:
            self._table.stop(self._process)
            self._process = None
        rmtree(self._directory, ignore_errors=True)
