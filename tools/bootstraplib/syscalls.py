# SPDX-License-Identifier: GPL-2.0
"""The few Linux calls that Python's standard library lacks."""

from __future__ import annotations

import ctypes
import os
from typing import Optional

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_NOATIME = 1024
MS_NODIRATIME = 2048
MS_BIND = 4096
MS_REC = 16384
MS_UNBINDABLE = 1 << 17
MS_PRIVATE = 1 << 18
MS_RELATIME = 1 << 21

MNT_DETACH = 2
PR_SET_PDEATHSIG = 1

# statvfs reports these per mount; a remount in a user namespace must repeat
# them or the kernel refuses it.
_ST_RELATIME = 4096
_KEPT_FLAGS = (
    (os.ST_NOSUID, MS_NOSUID),
    (os.ST_NODEV, MS_NODEV),
    (os.ST_NOEXEC, MS_NOEXEC),
    (os.ST_NOATIME, MS_NOATIME),
    (os.ST_NODIRATIME, MS_NODIRATIME),
    (_ST_RELATIME, MS_RELATIME),
)

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Moves this process into new namespaces."""
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def mount(
    source: Optional[str], target: str, kind: Optional[str], flags: int, data: Optional[str] = None
) -> None:
    """mount(2)."""
    result = _libc.mount(
        os.fsencode(source) if source is not None else None,
        os.fsencode(target),
        kind.encode() if kind is not None else None,
        ctypes.c_ulong(flags),
        data.encode() if data is not None else None,
    )
    _check(result, f"mount {target}")


def bind(source: str, target: str, read_only: bool = False) -> None:
    """Shows `source` at `target` too, with the mounts below it.

    Only the top mount becomes read-only: what the person mounted below a
    directory keeps its own flags.
    """
    mount(source, target, None, MS_BIND | MS_REC)
    if read_only:
        have = os.statvfs(target).f_flag
        kept = sum(ms for st, ms in _KEPT_FLAGS if have & st)
        mount(None, target, None, MS_REMOUNT | MS_BIND | MS_RDONLY | kept)


def make_mounts_private() -> None:
    """Cuts this mount namespace off: nothing mounted later is seen outside."""
    mount(None, "/", None, MS_REC | MS_PRIVATE)


def pivot_into(new_root: str) -> None:
    """Makes `new_root`, a mount point, the root; the old tree becomes unreachable."""
    os.chdir(new_root)
    # The old root is stacked over the new one and then detached, which needs
    # no directory for it.
    _check(_libc.pivot_root(b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", ctypes.c_int(MNT_DETACH)), "umount of the old root")
    os.chdir("/")


def die_with_parent(signal_number: int) -> None:
    """Asks for `signal_number` when the parent ends.  Lost by a change of user."""
    zero = ctypes.c_ulong(0)
    result = _libc.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal_number), zero, zero, zero)
    _check(result, "prctl")
