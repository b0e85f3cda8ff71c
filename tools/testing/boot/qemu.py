# SPDX-License-Identifier: GPL-2.0
"""One running QEMU: its console, its QMP socket and its end."""

from __future__ import annotations

import os
import re
import selectors
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Sequence

from boot import procs
from boot.qmp import Qmp

# What terminals understand and logs do not: firmware and shells send it.
_ESCAPES = re.compile(r'\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|[\x00\x07]')
_MAX_LINE = 65536


def clean(raw: bytes) -> str:
    """A console line as text."""
    text = raw.decode('utf-8', errors='replace').rstrip('\r\n')
    return _ESCAPES.sub('', text).replace('\r', '')


class Qemu:
    """QEMU with its console on pipes; a context manager that always ends it."""

    def __init__(self, argv: Sequence[str],
                 table: procs.ProcessTable = procs.TABLE) -> None:
        # Unix socket paths are short, so no long TMPDIR is followed.
        self.directory = Path(tempfile.mkdtemp(prefix='rv-', dir='/tmp'))
        self._socket = self.directory / 'qmp'
        self.argv = [*argv,
                     '-chardev', 'stdio,id=console,signal=off',
                     '-serial', 'chardev:console', '-monitor', 'none',
                     '-qmp', f'unix:{self._socket},server=on,wait=off']
        self._table = table
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b''
        self._qmp: Qmp | None = None

    def __enter__(self) -> Qemu:
        try:
            with (self.directory / 'errors').open('wb') as errors:
                self._process = self._table.start(
                    self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    stderr=errors)
            os.set_blocking(self._out.fileno(), False)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None,
                 error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.stop()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process; only while the context is entered."""
        if self._process is None:
            raise RuntimeError('QEMU is not running')
        return self._process

    @property
    def _out(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    @property
    def qmp(self) -> Qmp:
        """The QMP connection, made when it is first needed."""
        if self._qmp is None:
            self._qmp = Qmp(self._socket)
        return self._qmp

    def errors(self) -> str:
        """What QEMU itself complained about."""
        try:
            text = (self.directory / 'errors').read_text(errors='replace')
        except FileNotFoundError:
            return ''
        return text.strip()

    def read_lines(self, timeout: float) -> list[str] | None:
        """Console lines as they come.

        Returns at the first output or after the timeout; None when the
        console is closed, that is, when QEMU has ended.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self._out, selectors.EVENT_READ)
            if not selector.select(max(timeout, 0)):
                return []
        data = os.read(self._out.fileno(), 65536)
        if not data:
            rest, self._buffer = self._buffer, b''
            return [clean(rest)] if rest else None
        self._buffer += data
        *whole, self._buffer = self._buffer.split(b'\n')
        if len(self._buffer) > _MAX_LINE:
            whole.append(self._buffer)
            self._buffer = b''
        return [clean(line) for line in whole]

    def send_line(self, text: str) -> None:
        """Types a line at the console."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(text.encode() + b'\n')
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def wait_end(self, seconds: float) -> list[str]:
        """Reads on until QEMU ends by itself, at most for a time."""
        lines: list[str] = []
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            more = self.read_lines(left)
            if more is None:
                break
            lines += more
        return lines

    def stop(self) -> None:
        """Ends QEMU and removes its files; may be called twice."""
        if self._qmp is not None:
            self._qmp.close()
            self._qmp = None
        if self._process is not None:
            self._table.stop(self._process)
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    try:
                        pipe.close()
                    except BrokenPipeError:
                        pass
            self._process = None
        shutil.rmtree(self.directory, ignore_errors=True)
