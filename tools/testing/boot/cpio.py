# SPDX-License-Identifier: GPL-2.0
"""Writes the "newc" cpio archives that the kernel unpacks as its first root.

The output depends on the entries alone (no times, owners or inode numbers of
the host), so that equal content is an equal file.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import BinaryIO, Iterable

MAGIC = b'070701'
TRAILER = 'TRAILER!!!'


@dataclass(frozen=True)
class Entry:
    """One file, directory, symlink or device node of the archive."""

    path: str
    mode: int
    data: bytes = b''
    device: tuple[int, int] = (0, 0)


def directory(path: str) -> Entry:
    """A directory that everybody may read."""
    return Entry(path, stat.S_IFDIR | 0o755)


def regular(path: str, data: bytes, mode: int = 0o644) -> Entry:
    """A plain file."""
    return Entry(path, stat.S_IFREG | mode, data)


def symlink(path: str, target: str) -> Entry:
    """A symbolic link."""
    return Entry(path, stat.S_IFLNK | 0o777, target.encode())


def character(path: str, major: int, minor: int) -> Entry:
    """A character device node."""
    return Entry(path, stat.S_IFCHR | 0o600, device=(major, minor))


def _padding(length: int) -> bytes:
    return b'\0' * (-length % 4)


def _member(entry: Entry, inode: int) -> bytes:
    name = entry.path.lstrip('/').encode() + b'\0'
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    fields = (inode, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0,
              entry.device[0], entry.device[1], len(name), 0)
    header = MAGIC + b''.join(b'%08x' % field for field in fields) + name
    return b''.join((header, _padding(len(header)),
                     entry.data, _padding(len(entry.data))))


def with_parents(entries: Iterable[Entry]) -> list[Entry]:
    """Sorts entries and adds the directories that lead to them."""
    by_path = {entry.path.strip('/'): entry for entry in entries}
    for path in list(by_path):
        parts = path.split('/')[:-1]
        for depth in range(1, len(parts) + 1):
            parent = '/'.join(parts[:depth])
            by_path.setdefault(parent, directory(parent))
    return [by_path[path] for path in sorted(by_path)]


def write(out: BinaryIO, entries: Iterable[Entry]) -> None:
    """Writes a whole archive, padded so that another may follow it."""
    size = 0
    members = [*with_parents(entries), Entry(TRAILER, 0)]
    for inode, entry in enumerate(members, start=1):
        size += out.write(_member(entry, inode))
    out.write(b'\0' * (-size % 512))
