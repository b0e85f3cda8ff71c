# SPDX-License-Identifier: GPL-2.0
"""What the repository wants to lay over a kernel tree: new files and patches."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from .patchfile import MailPatch, read_patches
from .refusal import Refusal

OVERLAY_ROOTS = ("arch", "drivers", "include", "rust", "samples", "Documentation",
                 "tools/testing/selftests", "tools/testing/kunit")

# What builds and editors leave beside the sources: `make M=` builds inside the repository.
LEFTOVERS = ("*.o", "*.o.*", "*.a", "*.ko", "*.mod", "*.mod.c", "*.cmd", "*.rmeta", "*.rlib",
             "*.so", "*.i", "*.s", "*.ll", "*.symvers", "modules.order", "built-in.*", ".tmp_*",
             "*.pyc", "__pycache__", "*~", "*.swp", "*.orig", "*.rej", ".#*", "#*#", ".DS_Store")


@dataclass(frozen=True)
class Source:
    """One new file: where it is in the repository, and whether it can be run."""

    disk: Path
    executable: bool

    @property
    def mode(self) -> int:
        return 0o755 if self.executable else 0o644


@dataclass(frozen=True)
class Overlay:
    root: Path
    files: dict[str, Source]
    patches: list[MailPatch]


def read_overlay(root: Path) -> Overlay:
    """Raises Refusal for a file or patch that no tree could take."""
    patches = read_patches(root / "patches")
    files: dict[str, Source] = {}
    for folder in OVERLAY_ROOTS:
        _collect(root, root / folder, files)
    for path in _ignored_by_git(root, sorted(files)):
        del files[path]
    problems = [f"{patch.label}: {diff.path} is a file of this repository: edit it there"
                for patch in patches for diff in patch.diffs if diff.path in files]
    if problems:
        raise Refusal(problems)
    return Overlay(root, files, patches)


def _collect(root: Path, folder: Path, files: dict[str, Source]) -> None:
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda item: item.name):
            if any(fnmatchcase(entry.name, pattern) for pattern in LEFTOVERS):
                continue
            path = Path(entry.path)
            name = path.relative_to(root).as_posix()
            if entry.is_symlink():
                raise Refusal(f"{name}: a symbolic link cannot be laid over a tree")
            if entry.is_dir():
                _collect(root, path, files)
            elif entry.is_file():
                files[name] = Source(path, bool(entry.stat().st_mode & 0o100))


def _ignored_by_git(root: Path, paths: list[str]) -> list[str]:
    """Test programs that were built in place are known only to their .gitignore."""
    if not paths or not (root / ".git").exists():
        return []
    # The checkout may belong to another user, and reading it is all that is done here.
    command = ["git", "-c", f"safe.directory={root}", "-C", str(root), "check-ignore", "-z",
               "--stdin"]
    try:
        run = subprocess.run(command, input="\0".join(paths) + "\0", capture_output=True,
                             text=True, check=False)
    except FileNotFoundError:
        return []
    return [path for path in run.stdout.split("\0") if path] if run.returncode == 0 else []


def claimed_files(patch: MailPatch, files: dict[str, Source]) -> tuple[list[str], list[str]]:
    """The new files that a patch names, and those of its patterns that name none."""
    claimed: list[str] = []
    idle: list[str] = []
    for pattern in patch.new_files:
        found = [path for path in files
                 if (path.startswith(pattern) if pattern.endswith("/")
                     else fnmatchcase(path, pattern))]
        claimed += [path for path in found if path not in claimed]
        if not found:
            idle.append(pattern)
    return claimed, idle


def check_claims(overlay: Overlay) -> list[str]:
    """Every new file belongs to at most one patch, and every pattern to some file."""
    problems: list[str] = []
    owner: dict[str, MailPatch] = {}
    for patch in overlay.patches:
        claimed, idle = claimed_files(patch, overlay.files)
        problems += [f"{patch.label}: X-New-Files: {pattern} names no file" for pattern in idle]
        for path in claimed:
            if path in owner:
                problems.append(f"{patch.label}: {path} is claimed by {owner[path].label} too")
            owner[path] = patch
    return problems
