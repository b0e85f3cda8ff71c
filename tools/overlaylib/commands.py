# SPDX-License-Identifier: GPL-2.0
"""The commands that work on a kernel tree: apply, check, status and revert."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from . import manifest as store
from .execute import carry_out, sole_user
from .manifest import ABSENT, Manifest
from .plan import Item, kernel_version, plan_apply, plan_revert
from .refusal import Refusal
from .sources import Overlay, check_claims, claimed_files, read_overlay


def apply(root: Path, tree: Path, link: bool, any_base: bool) -> None:
    """Lays the overlay over the tree, or brings an older one up to date."""
    version = kernel_version(tree, any_base)
    overlay = read_overlay(root)
    with sole_user(tree):
        found = store.load(tree)
        known = found or Manifest()
        plan = plan_apply(tree, overlay, known, link)
        plan.refuse_problems()
        settled = (found is not None and known.complete and known.link == link
                   and {item.path for item in plan.items} == set(known.entries))
        if not known.complete:
            print("an interrupted run is taken up again")
        if settled and not plan.changes:
            print(f"{tree}: nothing to do, {len(plan.items)} files are as they should be")
            return
        changes = plan.changes
        full = carry_out(plan, version, link)
    _tell_changes(changes)
    _tell_directories(full)
    edits = sum(len(patch.diffs) for patch in overlay.patches)
    print(f"{tree}: Linux {version}, {len(overlay.files)} files "
          f"{'linked' if link else 'copied'}, {len(overlay.patches)} patches with {edits} edits "
          f"applied; {len(changes)} paths changed now")


def revert(tree: Path, force: bool) -> None:
    """Takes everything back; needs no overlay, so a repository that moved on is no obstacle."""
    kernel_version(tree, any_base=True)
    with sole_user(tree):
        manifest = store.load(tree)
        if manifest is None:
            # A run that ended before its first or after its last change leaves an empty folder.
            store.discard(tree)
            print(f"{tree}: nothing to take back")
            return
        plan = plan_revert(tree, manifest, force)
        plan.refuse_problems()
        changes = plan.changes
        full = carry_out(plan, manifest.base, manifest.link)
    _tell_changes(changes)
    _tell_directories(full)
    print(f"{tree}: taken back, {len(changes)} paths changed")


def status(root: Path, tree: Path) -> bool:
    """Prints one line for each file; true where all is applied and nothing differs."""
    kernel_version(tree, any_base=True)
    manifest = store.load(tree)
    if manifest is None:
        print(f"{tree}: not applied")
        return False
    plan = plan_apply(tree, read_overlay(root), manifest, manifest.link)
    words = [(_word(item), item.path) for item in plan.items]
    for word, path in words:
        print(f"{word:9}{path}")
    for problem in plan.problems:
        print(f"refused: {problem}")
    if not manifest.complete:
        print("interrupted: the last run did not end; apply or revert again")
    counts = Counter(word for word, _ in words)
    print(f"{tree}: " + ", ".join(f"{counts[word]} {word}"
                                  for word in ("ok", "changed", "missing", "outdated")))
    return manifest.complete and not plan.problems and set(counts) <= {"ok"}


def check(root: Path, tree: Path | None) -> None:
    """Reads every patch and, given a tree, tells what `apply` would refuse.

    New files that no patch claims are listed: the series gives them commits by folder only.
    """
    overlay = read_overlay(root)
    problems = check_claims(overlay)
    if tree is not None:
        kernel_version(tree)
        plan = plan_apply(tree, overlay, store.load(tree) or Manifest(), False)
        problems += plan.problems
    if problems:
        raise Refusal(problems)
    claimed = {path for patch in overlay.patches
               for path in claimed_files(patch, overlay.files)[0]}
    for path in sorted(set(overlay.files) - claimed):
        print(f"unclaimed {path}")
    added, removed = patch_lines(overlay)
    print(f"{len(overlay.files)} new files; {len(overlay.patches)} patches, "
          f"{added} lines added and {removed} removed in upstream files")


def patch_lines(overlay: Overlay) -> tuple[int, int]:
    signs = Counter(sign for patch in overlay.patches for diff in patch.diffs
                    for hunk in diff.hunks for sign, _ in hunk.lines)
    return signs[b"+"], signs[b"-"]


def _word(item: Item) -> str:
    if item.edited or (item.entry is None and item.original is None and item.current != ABSENT):
        return "changed"
    if item.current == item.target.state:
        return "ok" if item.entry else "outdated"
    pristine = item.entry.pristine if item.entry else item.current
    return "missing" if item.current in (ABSENT, pristine) else "outdated"


def _tell_changes(changes: list[Item]) -> None:
    for item in changes:
        if item.original:
            word = "restored" if item.target.state == item.original.state else "patched"
        elif item.target.state == ABSENT:
            word = "removed"
        else:
            word = "linked" if item.target.state.kind == "link" else "copied"
        print(f"  {word:9}{item.path}")


def _tell_directories(full: list[str]) -> None:
    for directory in full:
        print(f"  kept     {directory}/: it holds files that are not ours")


