# SPDX-License-Identifier: GPL-2.0
"""Telling the person how far the bootstrap is."""

from __future__ import annotations

import contextlib
import shutil
import time
from typing import Iterator, TextIO


class Progress:
    """Phases with their time: one moving line on a terminal, else one line each."""

    def __init__(self, stream: TextIO, total: int) -> None:
        self._stream = stream
        self._moving = stream.isatty()
        self._total = total
        self._number = 0
        self._title = ""
        self._detail = ""
        self._started = time.monotonic()
        self._phase_started = self._started

    @property
    def elapsed(self) -> float:
        """Seconds since the first phase could start."""
        return time.monotonic() - self._started

    @contextlib.contextmanager
    def phase(self, title: str) -> Iterator[None]:
        """One step of the work; its line stays when it succeeds."""
        self._number += 1
        self._title, self._detail = title, ""
        self._phase_started = time.monotonic()
        self.tick()
        try:
            yield
        except BaseException:
            self._write("failed\n")
            raise
        self._write("done\n")

    def detail(self, text: str) -> None:
        """What the phase is doing, such as `45% of 512 MB`; shown by the next tick."""
        self._detail = text

    def tick(self) -> None:
        """Renews the time on the moving line."""
        if self._moving:
            self._write("")

    def say(self, text: str) -> None:
        """A line of its own."""
        erase = "\r\033[K" if self._moving else ""
        self._stream.write(f"{erase}{text}\n")
        self._stream.flush()

    def _write(self, end: str) -> None:
        seconds = time.monotonic() - self._phase_started
        parts = [f"[{self._number}/{self._total}] {self._title}", self._detail, clock(seconds)]
        line = "  ".join(part for part in (*parts, end.strip()) if part)
        if self._moving:
            width = shutil.get_terminal_size().columns
            self._stream.write("\r\033[K" + line[: max(width - 1, 20)])
            self._stream.write("\n" if end else "")
        else:
            self._stream.write(f"{line}\n")
        self._stream.flush()


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def gigabytes(size: int) -> str:
    """A size as people read it on a disk's label."""
    return f"{size / 1e9:.1f} GB"
