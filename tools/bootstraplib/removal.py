# SPDX-License-Identifier: GPL-2.0
"""Removing a tree that must not reach anything mounted into it."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import List

from .errors import ToolRootError

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OCTAL = re.compile(r"\\([0-7]{3})")


def remove_tree(path: Path) -> None:
    """Removes the directory `path` and everything in it, never crossing a mount.

    A symbolic link in its place and a mount point anywhere in it are refused
    before anything is removed.  Bind mounts of the same file system are only
    found in the mount table, later ones of another file system by the device
    number, so both are looked at.
    """
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(status.st_mode):
        raise ToolRootError(f"{path} is not a directory, so it is not removed")
    real = path.parent.resolve() / path.name
    mounted = mounts_within(Path("/proc/self/mountinfo").read_text(encoding="utf-8"), real)
    if mounted:
        raise ToolRootError(
            f"{real} is not removed: something is mounted in it", [f"umount {m}" for m in mounted]
        )
    parent = os.open(real.parent, _DIRECTORY)
    try:
        _remove_directory(parent, real.name, status.st_dev, str(real))
    finally:
        os.close(parent)


def mounts_within(mountinfo: str, directory: Path) -> List[str]:
    """The mount points at or below `directory`, from /proc/self/mountinfo."""
    found = []
    for line in mountinfo.splitlines():
        fields = line.split(" ")
        if len(fields) < 5:
            continue
        point = _OCTAL.sub(lambda match: chr(int(match.group(1), 8)), fields[4])
        if point == str(directory) or point.startswith(f"{directory}/"):
            found.append(point)
    return sorted(found)


def _remove_directory(parent: int, name: str, device: int, shown: str) -> None:
    handle = os.open(name, _DIRECTORY, dir_fd=parent)
    try:
        if os.fstat(handle).st_dev != device:
            raise ToolRootError(f"{shown} is another file system: nothing in it is removed")
        _make_removable(handle)
        with os.scandir(handle) as entries:
            children = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for child, is_directory in children:
            if is_directory:
                _remove_directory(handle, child, device, f"{shown}/{child}")
            else:
                os.unlink(child, dir_fd=handle)
    finally:
        os.close(handle)
    os.rmdir(name, dir_fd=parent)


def _make_removable(handle: int) -> None:
    """Without root's powers, an own directory can still lack the w bit."""
    mode = stat.S_IMODE(os.fstat(handle).st_mode)
    if os.geteuid() != 0 and mode & stat.S_IRWXU != stat.S_IRWXU:
        os.fchmod(handle, mode | stat.S_IRWXU)
