# SPDX-License-Identifier: GPL-2.0
"""Compares tree, manifest and overlay, and decides everything before anything is touched."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Iterator

from .hunks import apply_diff
from .manifest import ABSENT, Content, Entry, Manifest, State, look, read_content
from .refusal import Refusal
from .sources import Overlay

BASE = "7.3"
TREE_MARKS = ("Makefile", "Kbuild", "Kconfig", "arch", "drivers", "include", "rust",
              "scripts/Kbuild.include")


@dataclass(frozen=True)
class Target:
    """How a path is to look; without content and link it is not to exist."""

    state: State
    content: Content | None = None


GONE = Target(ABSENT)


@dataclass(frozen=True)
class Item:
    path: str
    current: State
    target: Target
    entry: Entry | None
    original: Content | None

    @property
    def edited(self) -> bool:
        """A person's work stands there; a file removed or put back holds none."""
        if self.entry is None or self.current == ABSENT:
            return False
        return self.current not in (*self.entry.accepted, self.entry.pristine)


@dataclass
class Plan:
    tree: Path
    manifest: Manifest
    items: list[Item] = field(default_factory=list)
    directories: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def changes(self) -> list[Item]:
        return [item for item in self.items if item.current != item.target.state]

    def refuse_problems(self) -> None:
        if self.problems:
            raise Refusal(self.problems)


def kernel_version(tree: Path, any_base: bool = False) -> str:
    """The tree's version; refuses what is no kernel tree or not the base release."""
    missing = [mark for mark in TREE_MARKS if not (tree / mark).exists()]
    if missing:
        raise Refusal(f"{tree} is no kernel source tree: it has no {missing[0]}")
    text = (tree / "Makefile").read_text(encoding="utf-8", errors="replace")
    found = dict(re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL)[ \t]*=[ \t]*(\d+)", text, re.M))
    version = ".".join(found[key] for key in ("VERSION", "PATCHLEVEL", "SUBLEVEL") if key in found)
    if not any_base and not f"{version}.".startswith(f"{BASE}."):
        raise Refusal(f"{tree} is Linux {version or '(unknown)'}, the overlay is made for {BASE}: "
                      "use a tree of that release, or --any-base to try it all the same")
    return version


def plan_apply(tree: Path, overlay: Overlay, manifest: Manifest, link: bool) -> Plan:
    """What `apply` would do; faults are collected, none is raised."""
    plan = Plan(tree, manifest)
    originals: dict[str, Content] = {}
    targets: dict[str, Target] = {}
    for path, source in overlay.files.items():
        if link:
            targets[path] = Target(State("link", str(source.disk)))
        else:
            content = Content(source.disk.read_bytes(), source.mode)
            targets[path] = Target(content.state, content)
    _patch_all(plan, overlay, originals, targets)
    for path in sorted({*targets, *manifest.entries}):
        _add_item(plan, path, targets, originals)
    _plan_directories(plan, targets)
    return plan


def plan_revert(tree: Path, manifest: Manifest, force: bool) -> Plan:
    """What `revert` would do; with `force` a person's edits are no obstacle."""
    plan = Plan(tree, manifest, directories=manifest.directories)
    for path in sorted(manifest.entries):
        _add_item(plan, path, {}, {})
    if force:
        plan.problems = [problem for problem in plan.problems if problem not in
                         {_edited(item) for item in plan.items if item.edited}]
    return plan


def _patch_all(plan: Plan, overlay: Overlay, originals: dict[str, Content],
               targets: dict[str, Target]) -> None:
    for patch in overlay.patches:
        for diff in patch.diffs:
            path = diff.path
            try:
                if path not in originals:
                    originals[path] = _pristine(plan, patch.label, path)
                before = targets[path].content if path in targets else None
                before = before or originals[path]
                content = Content(apply_diff(patch.label, diff, before.data), before.mode)
            except Refusal as refusal:
                plan.problems += refusal.problems
                continue
            targets[path] = Target(content.state, content)


def _pristine(plan: Plan, label: str, path: str) -> Content:
    entry = plan.manifest.entries.get(path)
    if entry and entry.original:
        return entry.original
    disk = plan.tree / path
    if entry or look(disk).kind != "file":
        raise Refusal(f"{label}: {path}: no such file in the kernel tree")
    return read_content(disk)


def _edited(item: Item) -> str:
    return (f"{item.path} was edited since it was applied: keep the edit elsewhere (or in the "
            "overlay) and `revert --force`")


def _add_item(plan: Plan, path: str, targets: dict[str, Target],
              originals: dict[str, Content]) -> None:
    entry = plan.manifest.entries.get(path)
    original = originals.get(path) or (entry.original if entry else None)
    target = targets.get(path)
    if target is None:
        target = Target(original.state, original) if original else GONE
    item = Item(path, look(plan.tree / path), target, entry, original)
    plan.items.append(item)
    obstacle = _linked_parent(plan.tree, path)
    if obstacle:
        plan.problems.append(f"{path}: {obstacle} is in the way, it is no directory of the tree")
    elif item.current.kind == "other":
        plan.problems.append(f"{path} is no regular file in the kernel tree")
    elif item.edited:
        plan.problems.append(_edited(item))
    elif entry is None and original is None and item.current != ABSENT:
        plan.problems.append(f"{path} exists in the kernel tree and is not ours: "
                             "move it away first")
    elif item.current != target.state and not _writable(plan.tree, path):
        plan.problems.append(f"{path}: no permission to write there")


def parents(path: str) -> Iterator[str]:
    """The directories above a path, topmost first."""
    yield from (parent.as_posix() for parent in reversed(PurePosixPath(path).parents[:-1]))


def _linked_parent(tree: Path, path: str) -> str | None:
    """A link or file on the way would lead our file to where revert must not reach."""
    for parent in parents(path):
        place = tree / parent
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            return parent
    return None


def _writable(tree: Path, path: str) -> bool:
    places = [tree / parent for parent in parents(path) if (tree / parent).is_dir()]
    return os.access(places[-1] if places else tree, os.W_OK | os.X_OK)


def _plan_directories(plan: Plan, targets: dict[str, Target]) -> None:
    known = [path for path in plan.manifest.directories if (plan.tree / path).is_dir()]
    fresh = {parent for path in targets for parent in parents(path)
             if parent not in known and not (plan.tree / parent).exists()}
    plan.directories = sorted({*known, *fresh})
