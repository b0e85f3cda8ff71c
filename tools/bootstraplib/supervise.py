# SPDX-License-Identifier: GPL-2.0
"""Running one command in private namespaces that end with it.

    caller              waits, hands signals on, ends with the command's status
      init              process 1 of the PID namespace: mounts, reaps orphans
        command

When the caller dies in whatever way, the kernel kills init, and with init
everything that the command has started, and the mount namespace goes too.
"""

from __future__ import annotations

import os
import select
import signal
import struct
import sys
from dataclasses import dataclass
from typing import AbstractSet, Callable, Mapping, NoReturn, Optional, Sequence

from . import syscalls
from .errors import ToolRootError
from .idmap import IdMap, write_id_map

HANDED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_WATCHED = frozenset((*HANDED_ON, signal.SIGCHLD))

SETUP_FAILED = 125
NOT_EXECUTABLE = 126
NOT_FOUND = 127

# si_code of a signal sent by kill(2).  One from the terminal reaches the whole
# foreground group by itself, so handing it on would deliver it twice.
_SI_USER = 0

_STATUS = struct.Struct("=i")


@dataclass(frozen=True)
class Command:
    """What to run, and how the namespaces look to it."""

    argv: Sequence[str]
    environ: Mapping[str, str]
    directory: str
    # Called in process 1 of the new namespaces; mounts what the command sees.
    prepare: Callable[[], None]
    # None for real root, who needs no user namespace.
    ids: Optional[IdMap]


def run(command: Command) -> int:
    """Runs the command; returns its wait status.

    Unshares the calling process itself, so it can run one command only.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    # Whoever ignores SIGCHLD never learns how a child ended.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    _unshare(command.ids)
    alive_r, alive_w = os.pipe()
    status_r, status_w = os.pipe()
    init = os.fork()
    if init == 0:
        os.close(alive_w)
        os.close(status_r)
        _init(command, before, alive_r, status_w)
    os.close(alive_r)
    os.close(status_w)
    status = _wait_handing_on(init)
    reported = os.read(status_r, _STATUS.size)
    os.close(status_r)
    os.close(alive_w)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if len(reported) == _STATUS.size:
        return int(_STATUS.unpack(reported)[0])
    return status


def end_as(status: int) -> NoReturn:
    """Ends this process as the command ended, by the same signal if by one."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        sys.exit(128 + number)
    sys.exit(os.WEXITSTATUS(status))


def _unshare(ids: Optional[IdMap]) -> None:
    flags = syscalls.CLONE_NEWNS | syscalls.CLONE_NEWPID
    try:
        if ids is None:
            syscalls.unshare(flags)
        else:
            _unshare_user(flags | syscalls.CLONE_NEWUSER, ids)
    except OSError as error:
        raise ToolRootError(
            f"this machine or container does not allow new namespaces ({error.strerror})"
        ) from error


def _unshare_user(flags: int, ids: IdMap) -> None:
    """The map can only be written from outside, so a helper stays there."""
    ready_r, ready_w = os.pipe()
    target = os.getpid()
    helper = os.fork()
    if helper == 0:
        code = 1
        try:
            os.close(ready_w)
            if os.read(ready_r, 1):
                write_id_map(target, ids)
                code = 0
        except Exception as error:  # pylint: disable=broad-except
            print(f"mapping user ids failed: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(code)
    os.close(ready_r)
    try:
        syscalls.unshare(flags)
        os.write(ready_w, b"u")
    finally:
        os.close(ready_w)
        _, status = os.waitpid(helper, 0)
    if status != 0:
        raise ToolRootError("the user namespace could not be given its ids by newuidmap")


def _wait_handing_on(child: int, reap_others: bool = False) -> int:
    """Waits for `child`; meanwhile hands on signals that were sent to us only."""
    while True:
        pid, status = os.waitpid(-1 if reap_others else child, os.WNOHANG)
        if pid == child:
            return status
        if pid:
            continue
        received = signal.sigwaitinfo(_WATCHED)
        if received.si_signo != signal.SIGCHLD and received.si_code == _SI_USER:
            os.kill(child, received.si_signo)


def _init(
    command: Command, mask: AbstractSet[int], alive_r: int, status_w: int
) -> NoReturn:
    code = SETUP_FAILED
    try:
        syscalls.die_with_parent(signal.SIGKILL)
        if _parent_is_gone(alive_r):
            os._exit(SETUP_FAILED)
        command.prepare()
        pid = os.fork()
        if pid == 0:
            os.close(alive_r)
            os.close(status_w)
            _execute(command, mask)
        status = _wait_handing_on(pid, reap_others=True)
        os.write(status_w, _STATUS.pack(status))
        code = 0
    except ToolRootError as error:
        print(f"error: {error.sentence}", file=sys.stderr, flush=True)
    except OSError as error:
        print(f"error: the tool root cannot be set up: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(code)


def _parent_is_gone(alive_r: int) -> bool:
    """Whether the parent died before it could be asked to take us along."""
    readable, _, _ = select.select([alive_r], [], [], 0)
    return bool(readable)


def _execute(command: Command, mask: AbstractSet[int]) -> NoReturn:
    code = NOT_EXECUTABLE
    try:
        # Python ignores these two; a command must not inherit that.
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.chdir(command.directory)
        os.execvpe(command.argv[0], list(command.argv), dict(command.environ))
    except FileNotFoundError:
        code = NOT_FOUND
        print(f"error: {command.argv[0]}: not found in the tool root", file=sys.stderr, flush=True)
    except OSError as error:
        print(f"error: {command.argv[0]}: {error.strerror}", file=sys.stderr, flush=True)
    finally:
        os._exit(code)
