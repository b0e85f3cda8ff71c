# SPDX-License-Identifier: GPL-2.0
"""Locks between several makes: one for making the root, one for using it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from pathlib import Path
from typing import Callable, Iterator, Optional

BUSY = (errno.EACCES, errno.EAGAIN)


@contextlib.contextmanager
def locked(path: Path, operation: int, on_wait: Optional[Callable[[], None]]) -> Iterator[bool]:
    """Holds flock(2) `operation` on `path`; calls `on_wait` before it has to wait.

    Without `on_wait` it does not wait, and yields False where the lock is taken.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        yield _acquire(handle, operation, on_wait)
    finally:
        os.close(handle)


def _acquire(handle: int, operation: int, on_wait: Optional[Callable[[], None]]) -> bool:
    try:
        fcntl.flock(handle, operation | fcntl.LOCK_NB)
        return True
    except OSError as error:
        if error.errno not in BUSY:
            raise
    if on_wait is None:
        return False
    on_wait()
    fcntl.flock(handle, operation)
    return True
