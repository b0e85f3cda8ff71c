# SPDX-License-Identifier: GPL-2.0
"""Running make: a full log in a file, a short line for the person."""

from __future__ import annotations

import os
import re
import resource
import selectors
import shutil
import subprocess
import time
from pathlib import Path
from typing import IO, List, Mapping, Sequence, TextIO

from .errors import BuildError

# "  CC [M]  drivers/iommu/virtio-iommu.o"
_STEP = re.compile(r"^  ([A-Z][A-Z0-9_]*)(?: [A-Z]+)*(?: \[M\])?\s+(\S+)")
_COMPILES = frozenset(("CC", "AS", "RUSTC", "HOSTCC", "HOSTRUSTC", "BINDGEN", "VDSO", "CLIPPY"))
_ERROR = re.compile(r"\berror\b|\*\*\*|undefined symbol|No such file", re.IGNORECASE)
_WARNING = re.compile(r"\bwarning:|^WARNING:")

# How often a log that is not a terminal gets a line.
_QUIET_INTERVAL = 30.0
_MOVING_INTERVAL = 0.2
_TAIL_LINES = 25
_ERROR_LINES = 15


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _cpu_of_children() -> float:
    """It says what a build costs also where other work slows it down."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Meter:
    """Tells how far make is: one moving line on a terminal, else one now and then."""

    def __init__(self, stream: TextIO, title: str, verbose: bool) -> None:
        self._stream = stream
        self._title = title
        self._verbose = verbose
        self._moving = stream.isatty() and not verbose
        self._started = self._told = time.monotonic()
        self._cpu_before = _cpu_of_children()
        self._last = ""
        self.objects = 0
        self.warnings: List[str] = []

    @property
    def elapsed(self) -> float:
        """Seconds since make was started."""
        return time.monotonic() - self._started

    def line(self, text: str) -> None:
        """Takes one line of make's output."""
        match = _STEP.match(text)
        if match:
            self._last = match.group(2)
            self.objects += match.group(1) in _COMPILES
        elif _WARNING.search(text):
            self.warnings.append(text)
        if self._verbose:
            print(text, file=self._stream, flush=True)

    def tick(self) -> None:
        """Tells where we are, if that is due."""
        now = time.monotonic()
        interval = _MOVING_INTERVAL if self._moving else _QUIET_INTERVAL
        if self._verbose or now - self._told < interval:
            return
        self._told = now
        count = f"  {self.objects} objects  {self._last}" if self._last else ""
        text = f"  {self._title}  {clock(self.elapsed)}{count}"
        if self._moving:
            width = shutil.get_terminal_size().columns
            text = "\r\033[K" + text[: max(width - 1, 20)]
        self._stream.write(text if self._moving else f"{text}\n")
        self._stream.flush()

    def end(self, word: str) -> None:
        """The line that stays."""
        erase = "\r\033[K" if self._moving else ""
        count = f", {self.objects} objects" if self.objects else ""
        cpu = clock(_cpu_of_children() - self._cpu_before)
        self._stream.write(f"{erase}  {self._title}: {word} in {clock(self.elapsed)} "
                           f"(processor time {cpu}){count}\n")
        self._stream.flush()


def run(command: Sequence[str], environ: Mapping[str, str], log: Path, meter: Meter) -> None:
    """Runs make to its end; a failure shows the part of the log that matters."""
    with log.open("ab") as record:
        record.write(f"+ {' '.join(command)}\n".encode())
        record.flush()
        start = record.tell()
        with subprocess.Popen(command, env=dict(environ), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            assert process.stdout is not None
            try:
                _follow(process.stdout, record, meter)
                status = process.wait()
            except BaseException:
                process.terminate()
                raise
    if status == 0:
        meter.end("done")
        return
    meter.end("failed")
    with log.open("rb") as record:
        record.seek(start)
        lines = record.read().decode("utf-8", "replace").splitlines()
    raise BuildError(excerpt(lines) + f"\nmake ended with {status}; the full log is {log}")


def _follow(pipe: IO[bytes], record: IO[bytes], meter: Meter) -> None:
    descriptor = pipe.fileno()
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            meter.tick()
            if not selector.select(timeout=1.0):
                continue
            chunk = os.read(descriptor, 65536)
            if not chunk:
                break
            record.write(chunk)
            record.flush()
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                meter.line(line.decode("utf-8", "replace"))
    if rest:
        meter.line(rest.decode("utf-8", "replace"))


def excerpt(lines: Sequence[str]) -> str:
    """The first error with what follows it, and the end of the log."""
    tail = max(len(lines) - _TAIL_LINES, 0)
    first = next((number for number, line in enumerate(lines) if _ERROR.search(line)), tail)
    if first + _ERROR_LINES >= tail:
        return "\n".join(lines[min(first, tail):])
    return "\n".join((*lines[first:first + _ERROR_LINES], "[...]", *lines[tail:]))
