# SPDX-License-Identifier: GPL-2.0
"""What a command in the tool root sees.

Everything here runs in process 1 of fresh mount and PID namespaces, and every
mount lies there: nothing of it can be seen, or be left behind, outside.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, List, Sequence, Tuple

from . import syscalls
from .errors import ToolRootError

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
OPTIONAL_DEVICES = ("kvm",)
DEVICE_LINKS = (
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
)

# Directories that stay private to the command, empty at its start.
SCRATCH = ("tmp", "run", "var/tmp")

# Top directories that hold nothing of the root: they are made anew, so that
# mount points can be made below them.
MADE_ANEW = frozenset(
    ("proc", "sys", "dev", "tmp", "run", "home", "root", "mnt", "media", "srv", "opt", "boot")
)

# The host's answers to "which name servers, hosts and certificates".
HOST_FILES = ("/etc/resolv.conf", "/etc/hosts")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
HOST_CERTIFICATES = (
    CERTIFICATES,
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)

_SCRATCH_FLAGS = syscalls.MS_NOSUID | syscalls.MS_NODEV


@dataclass(frozen=True)
class Bind:
    """A directory of the host, shown under the same path."""

    path: str
    read_only: bool = False


def show_read_only(root: Path, mountpoint: Path, binds: Sequence[Bind]) -> None:
    """The view of tools/enter: a throw-away / with the root's parts read-only.

    Mount points for the binds are made in a tmpfs, never in the root.
    """
    syscalls.make_mounts_private()
    top = str(mountpoint)
    syscalls.mount("tmpfs", top, "tmpfs", _SCRATCH_FLAGS, "mode=755,size=64m")
    # It lies in the cache, which is bound below: it must not come along.
    syscalls.mount(None, top, None, syscalls.MS_UNBINDABLE)
    for entry in sorted(os.scandir(root), key=lambda item: item.name):
        target = os.path.join(top, entry.name)
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), target)
        elif entry.name in MADE_ANEW:
            os.mkdir(target)
        elif entry.is_dir():
            os.mkdir(target)
            syscalls.bind(entry.path, target, read_only=True)
    _mount_system(top)
    for item in without_covered(binds):
        target = top + item.path
        make_mount_point(target, top)
        syscalls.bind(item.path, target, read_only=item.read_only)
    _show_host_files(top)
    syscalls.pivot_into(top)


def show_writable(root: Path, mountpoint: Path) -> None:
    """The view of the bootstrap: the unfinished root itself, and nothing else."""
    syscalls.make_mounts_private()
    top = str(mountpoint)
    syscalls.bind(str(root), top)
    _mount_system(top)
    _show_host_files(top)
    syscalls.pivot_into(top)


def show_host() -> None:
    """The host's own tree, but mounts made by the command end with it."""
    syscalls.make_mounts_private()
    _mount_proc("/")


def without_covered(binds: Iterable[Bind]) -> List[Bind]:
    """Sorts parents first and drops what a parent of the same kind shows already."""
    kept: List[Bind] = []
    for item in sorted(set(binds), key=lambda bind: (bind.path, bind.read_only)):
        above = [other for other in kept if is_under(item.path, other.path)]
        if not above or above[-1].read_only != item.read_only:
            kept.append(item)
    return kept


def is_under(path: str, directory: str) -> bool:
    """Whether `path` is `directory` or below it, by name."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def make_mount_point(target: str, top: str) -> None:
    """Makes the directory `target` below `top`, also where the root is read-only."""
    done = top
    for part in target[len(top) :].strip("/").split("/"):
        nextdir = os.path.join(done, part)
        if os.path.islink(nextdir):
            raise ToolRootError(
                f"{target[len(top):]} cannot be shown in the tool root: "
                f"{nextdir[len(top):]} is a symbolic link there"
            )
        if not os.path.isdir(nextdir):
            if not os.access(done, os.W_OK):
                _open_up(done)
            os.mkdir(nextdir)
        done = nextdir


def _open_up(directory: str) -> None:
    """Covers a read-only directory by a tmpfs that shows the same entries."""
    handle = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        syscalls.mount("tmpfs", directory, "tmpfs", _SCRATCH_FLAGS, "mode=755,size=64m")
        below = f"/proc/self/fd/{handle}"
        for name in os.listdir(below):
            source, target = os.path.join(below, name), os.path.join(directory, name)
            mode = os.lstat(source).st_mode
            if stat.S_ISLNK(mode):
                os.symlink(os.readlink(source), target)
            elif stat.S_ISDIR(mode):
                os.mkdir(target)
                syscalls.bind(source, target, read_only=True)
            elif stat.S_ISREG(mode):
                _touch(target)
                syscalls.bind(source, target, read_only=True)
    finally:
        os.close(handle)


def _mount_system(top: str) -> None:
    _mount_proc(top)
    _mount_sys(top)
    _mount_dev(os.path.join(top, "dev"))
    for name in SCRATCH:
        mode = "755" if name == "run" else "1777"
        target = os.path.join(top, name)
        syscalls.mount("tmpfs", target, "tmpfs", _SCRATCH_FLAGS, f"mode={mode}")


def _mount_proc(top: str) -> None:
    target = os.path.join(top, "proc")
    flags = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC
    try:
        syscalls.mount("proc", target, "proc", flags)
    except PermissionError:
        # A container that hides parts of /proc forbids a fresh one.
        if top != "/":
            syscalls.bind("/proc", target)


def _mount_sys(top: str) -> None:
    target = os.path.join(top, "sys")
    try:
        # Without MS_REC: cgroups, debugfs and the like stay out.
        syscalls.mount("/sys", target, None, syscalls.MS_BIND)
        flags = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC
        syscalls.mount(
            None, target, None, syscalls.MS_REMOUNT | syscalls.MS_BIND | syscalls.MS_RDONLY | flags
        )
    except OSError:
        # A user namespace must not take /sys apart; its files are not
        # writable there anyway.
        syscalls.bind("/sys", target)


def _mount_dev(dev: str) -> None:
    syscalls.mount("tmpfs", dev, "tmpfs", syscalls.MS_NOSUID, "mode=755,size=1m")
    present = [name for name in OPTIONAL_DEVICES if os.path.exists(f"/dev/{name}")]
    for name in (*DEVICES, *present):
        target = os.path.join(dev, name)
        _touch(target)
        syscalls.bind(f"/dev/{name}", target)
    for name, link in DEVICE_LINKS:
        os.symlink(link, os.path.join(dev, name))
    for name in ("pts", "shm"):
        os.mkdir(os.path.join(dev, name))
    flags = syscalls.MS_NOSUID | syscalls.MS_NOEXEC
    syscalls.mount("devpts", os.path.join(dev, "pts"), "devpts", flags, "newinstance,ptmxmode=666")
    syscalls.mount("tmpfs", os.path.join(dev, "shm"), "tmpfs", _SCRATCH_FLAGS, "mode=1777")


def _show_host_files(top: str) -> None:
    bundle = next((path for path in HOST_CERTIFICATES if os.path.isfile(path)), None)
    pairs: List[Tuple[str, str]] = [(path, path) for path in HOST_FILES if os.path.isfile(path)]
    if bundle:
        pairs.append((bundle, CERTIFICATES))
    for source, inside in pairs:
        target = top + inside
        if os.path.isfile(target) and not os.path.islink(target):
            syscalls.bind(os.path.realpath(source), target, read_only=True)


def _touch(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
