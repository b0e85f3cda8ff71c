# SPDX-License-Identifier: GPL-2.0
"""Running the bootstrap's commands: in namespaces, logged, with progress."""

from __future__ import annotations

import os
import select
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, NoReturn, Optional, Sequence

from . import apt, supervise, syscalls
from .errors import ToolRootError
from .idmap import IdMap
from .paths import Cache
from .progress import Progress

TICK_SECONDS = 0.5
SHOWN_LOG_LINES = 12

StatusArgs = Callable[[int], Sequence[str]]


@dataclass(frozen=True)
class Runner:
    """Runs one command after another and fails with a sentence."""

    cache: Cache
    progress: Progress
    ids: Optional[IdMap]
    mirror: str

    def run(
        self,
        argv: Sequence[str],
        prepare: Callable[[], None],
        what: str,
        status_args: Optional[StatusArgs] = None,
    ) -> None:
        """Runs `argv` in the view that `prepare` makes; apt may report on a pipe."""
        start = self._log_size()
        status_r, status_w = os.pipe()
        try:
            extra = list(status_args(status_w)) if status_args else []
            carrier = self._fork([*argv, *extra], prepare, status_w)
            os.close(status_w)
            status_w = -1
            status = self._follow(carrier, status_r, start)
        finally:
            os.close(status_r)
            if status_w >= 0:
                os.close(status_w)
        if status != 0:
            self._fail(what, status, start)
        self.progress.detail(apt.download_size(self._log_since(start)) or "")

    def _fork(self, argv: Sequence[str], prepare: Callable[[], None], status_w: int) -> int:
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._carry(argv, prepare, status_w, parent)
        return pid

    def _carry(
        self, argv: Sequence[str], prepare: Callable[[], None], status_w: int, parent: int
    ) -> NoReturn:
        code = supervise.SETUP_FAILED
        try:
            syscalls.die_with_parent(signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(code)
            log = os.open(self.cache.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            os.write(log, f"+ {' '.join(argv)}\n".encode())
            null = os.open("/dev/null", os.O_RDONLY)
            for source, target in ((null, 0), (log, 1), (log, 2)):
                os.dup2(source, target)
            os.set_inheritable(status_w, True)
            command = supervise.Command(argv, _plain_environment(), "/", prepare, self.ids)
            code = os.waitstatus_to_exitcode(supervise.run(command)) & 0xFF
        except ToolRootError as error:
            os.write(2, f"error: {error.sentence}\n".encode())
        finally:
            os._exit(code)

    def _follow(self, carrier: int, status_r: int, start: int) -> int:
        try:
            pending = b""
            is_open = True
            while True:
                readable, _, _ = select.select([status_r] if is_open else [], [], [], TICK_SECONDS)
                if readable:
                    data = os.read(status_r, 65536)
                    is_open = bool(data)
                    *lines, pending = (pending + data).split(b"\n")
                    self._show(lines, start)
                self.progress.tick()
                pid, status = os.waitpid(carrier, 0 if not is_open else os.WNOHANG)
                if pid:
                    return os.waitstatus_to_exitcode(status)
        except BaseException:
            _end_process(carrier)
            raise

    def _show(self, lines: Sequence[bytes], start: int) -> None:
        if not lines:
            return
        size = apt.download_size(self._log_since(start))
        text = apt.describe_status(lines[-1].decode("utf-8", "replace"), size)
        if text:
            self.progress.detail(text)

    def _fail(self, what: str, status: int, start: int) -> NoReturn:
        log = self._log_since(start)
        reason = apt.explain(log, self.mirror) or f"it ended with status {status}"
        shown = apt.last_lines(log, SHOWN_LOG_LINES)
        details = [*shown, f"(all of it: {self.cache.log})"]
        raise ToolRootError(f"{what} failed: {reason}", details)

    def _log_size(self) -> int:
        try:
            return self.cache.log.stat().st_size
        except FileNotFoundError:
            return 0

    def _log_since(self, start: int) -> str:
        with self.cache.log.open("rb") as log:
            log.seek(start)
            return log.read().decode("utf-8", "replace")


def read_text(path: Path) -> str:
    """A file's text, empty where there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _end_process(pid: int) -> None:
    """Kills a process that we started; the kernel ends its namespaces with it."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _plain_environment() -> Dict[str, str]:
    proxies = {
        name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")
    }
    return {
        **proxies,
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
        "TERM": "dumb",
    }
