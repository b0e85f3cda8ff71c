# SPDX-License-Identifier: GPL-2.0
"""Carries out a plan that was found free of problems.

Every file is written beside the tree's own files and moved into place, so that a file which
shares its inode with another tree is replaced and never written through.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from . import manifest as store
from .manifest import ABSENT, STATE_DIR, Entry, Manifest
from .plan import Item, Plan, parents
from .refusal import Refusal


@contextmanager
def sole_user(tree: Path) -> Iterator[None]:
    """Two runs on one tree would each undo what the other recorded."""
    handle = os.open(tree, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refusal(f"another overlay run is working on {tree}") from None
        except OSError:
            # A file system without locks still holds a usable tree.
            pass
        yield
    finally:
        os.close(handle)


def carry_out(plan: Plan, base: str, link: bool) -> list[str]:
    """Makes the tree as planned; the answer names directories that could not be removed."""
    entries = {item.path: _journal_entry(item) for item in plan.items}
    journal = Manifest(base, False, link, plan.directories, entries)
    _make_folder(plan.tree / STATE_DIR)
    store.store(plan.tree, journal)
    staging = plan.tree / STATE_DIR / "staging"
    shutil.rmtree(staging, ignore_errors=True)
    _make_folder(staging)
    for item in plan.changes:
        _change(plan.tree, item, staging)
    shutil.rmtree(staging)
    return _conclude(plan, journal)


def _journal_entry(item: Item) -> Entry:
    return Entry([item.current, item.target.state], item.original)


def _change(tree: Path, item: Item, staging: Path) -> None:
    place = tree / item.path
    if item.target.state == ABSENT:
        place.unlink(missing_ok=True)
        return
    for parent in parents(item.path):
        _make_folder(tree / parent)
    fresh = staging / "file"
    if item.target.content:
        fresh.write_bytes(item.target.content.data)
        fresh.chmod(item.target.content.mode)
    else:
        fresh.symlink_to(item.target.state.value)
    _give_like(fresh, place if item.current != ABSENT else place.parent)
    os.replace(fresh, place)


def _make_folder(path: Path) -> None:
    if not path.is_dir():
        path.mkdir()
        _give_like(path, path.parent)


def _give_like(path: Path, model: Path) -> None:
    """Root works on a person's tree without taking files away from that person."""
    if os.geteuid() == 0:
        owner = model.lstat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _conclude(plan: Plan, journal: Manifest) -> list[str]:
    kept: dict[str, Entry] = {}
    for item in plan.items:
        ours = item.target.state != (item.original.state if item.original else ABSENT)
        if ours:
            kept[item.path] = Entry([item.target.state], item.original)
    full: list[str] = []
    for directory in reversed(plan.directories):
        if any(path.startswith(f"{directory}/") for path in kept):
            continue
        try:
            (plan.tree / directory).rmdir()
        except FileNotFoundError:
            pass
        except OSError:
            full.append(directory)
    directories = [path for path in plan.directories if (plan.tree / path).is_dir()]
    if kept:
        store.store(plan.tree, Manifest(journal.base, True, journal.link, directories, kept))
    else:
        store.discard(plan.tree)
    return sorted(full)
