# SPDX-License-Identifier: GPL-2.0
"""Unpacking the kernel tree that the overlay is laid over."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from . import view
from .errors import ToolRootError
from .paths import Cache
from .steps import Runner, read_text


def tarball(cache: Cache, package: str) -> Path:
    """The pristine tree, as Debian's package brings it."""
    return cache.root / "usr/src" / f"{package}.tar.xz"


def tree_stamp(cache: Cache, package: str) -> str:
    """Changes with the tarball; empty where that is missing."""
    try:
        status = tarball(cache, package).stat()
    except FileNotFoundError:
        return ""
    return f"{package} {status.st_size} {int(status.st_mtime)}"


def is_unpacked(cache: Cache, package: str) -> bool:
    """Whether the tree is complete and the one of this tool root."""
    wanted = tree_stamp(cache, package)
    have = read_text(cache.linux_stamp).strip()
    return bool(wanted) and have == wanted and cache.linux.is_dir()


def unpack(runner: Runner, package: str, target: Path) -> None:
    """Unpacks into `target`, with the tar and xz of the tool root."""
    cache = runner.cache
    source = tarball(cache, package)
    if not source.is_file():
        raise ToolRootError(f"the package {package} holds no {source.name}")
    target.mkdir()
    binds = [view.Bind(str(cache.top))]
    prepare = functools.partial(view.show_read_only, cache.root, cache.mountpoint, binds)
    argv = ["tar", "--no-same-owner", "--strip-components=1", "-xJf", str(source)]
    runner.run([*argv, "-C", str(target)], prepare, f"unpacking {source.name}")
    if not (target / "Kbuild").is_file():
        raise ToolRootError(f"{source.name} holds no kernel tree")


def mark_unfinished(cache: Cache) -> None:
    """Says that a tree without a valid stamp is ours all the same."""
    _write_stamp(cache, "unfinished")


def mark_finished(cache: Cache, package: str) -> None:
    """Says that the tree is complete."""
    _write_stamp(cache, tree_stamp(cache, package))


def _write_stamp(cache: Cache, text: str) -> None:
    """In one step, so that half a stamp cannot be."""
    temporary = cache.linux_stamp.with_suffix(".new")
    temporary.write_text(text + "\n", encoding="ascii")
    os.replace(temporary, cache.linux_stamp)
