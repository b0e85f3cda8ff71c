# SPDX-License-Identifier: GPL-2.0
"""Child processes that cannot outlive the harness.

Three nets, because each has a hole: a group kill in ``finally`` (not reached
when the harness is killed), handlers for the signals that can be caught, and
the kernel's parent-death signal for those that cannot.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import threading
from types import FrameType
from typing import IO, Mapping, Sequence


class Interrupted(BaseException):
    """The harness was told to stop; not an Exception, so nothing eats it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_status = 128 + number


class ProcessTable:
    """The process groups that are alive."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._groups: set[int] = set()
        self._closed = False

    def start(self, argv: Sequence[str], *, stdin: int | IO[bytes] | None,
              stdout: int | IO[bytes] | None, stderr: int | IO[bytes] | None,
              env: Mapping[str, str] | None = None, cwd: str | None = None,
              own_group: bool = True) -> subprocess.Popen[bytes]:
        """Starts a program whose whole group dies with this process."""
        setpriv = shutil.which('setpriv')
        guard = [setpriv, '--pdeathsig', 'KILL', '--'] if setpriv else []
        with self._lock:
            if self._closed:
                raise Interrupted(signal.SIGTERM)
            process = subprocess.Popen(
                [*guard, *argv], stdin=stdin, stdout=stdout, stderr=stderr,
                env=dict(env) if env is not None else None, cwd=cwd,
                start_new_session=own_group)
            if own_group:
                self._groups.add(process.pid)
        return process

    def stop(self, process: subprocess.Popen[bytes],
             grace: float = 0.0) -> None:
        """Ends a process and all that it started."""
        if grace > 0:
            try:
                process.wait(grace)
            except subprocess.TimeoutExpired:
                pass
        with self._lock:
            if process.pid in self._groups:
                _kill_group(process.pid)
                self._groups.discard(process.pid)
        if process.poll() is None:
            process.kill()
        process.wait()

    def kill_all(self) -> None:
        """Kills every group and refuses to start more."""
        with self._lock:
            self._closed = True
            for group in self._groups:
                _kill_group(group)


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


TABLE = ProcessTable()


def install_handlers(table: ProcessTable = TABLE) -> None:
    """Makes the signals that end a program end its children first."""

    def handler(number: int, _frame: FrameType | None) -> None:
        table.kill_all()
        raise Interrupted(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)
    atexit.register(table.kill_all)
