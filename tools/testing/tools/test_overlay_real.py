# SPDX-License-Identifier: GPL-2.0
"""The promises of the overlay, kept on a real kernel tree with this repository's own content.

RUST_VIRT_KDIR names the tree. Where it does not, the distribution's kernel source is unpacked for
the time of the tests: in the tool root that is what the kernels are built from. The tree is never
touched: the tests work on a copy of hard links.
"""

from __future__ import annotations

import contextlib
import filecmp
import io
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any, Callable

from overlay_fixture import TOOLS
from test_overlay_series import commit_all, git, git_view

from overlaylib import commands
from overlaylib.series import write_series
from overlaylib.sources import Overlay, read_overlay

REPOSITORY = TOOLS.parent


def copy_or_link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def differences(left: Path, right: Path) -> list[str]:
    """Paths that differ in kind, permission or any byte; one file under two names is equal."""
    found: list[str] = []
    names = [{entry.name: entry for entry in os.scandir(side)} for side in (left, right)]
    for name in sorted(set(names[0]) | set(names[1])):
        if name not in names[0] or name not in names[1]:
            found.append(str(left / name))
            continue
        first, second = (side[name].stat(follow_symlinks=False) for side in names)
        if first.st_ino == second.st_ino and first.st_dev == second.st_dev:
            continue
        if first.st_mode != second.st_mode:
            found.append(str(left / name))
        elif names[0][name].is_symlink():
            found += [str(left / name)] * (os.readlink(left / name) != os.readlink(right / name))
        elif names[0][name].is_dir():
            found += differences(left / name, right / name)
        elif not filecmp.cmp(left / name, right / name, shallow=False):
            found.append(str(left / name))
    return found


def source_package() -> Path | None:
    """The kernel source as the distribution packs it."""
    return next(iter(sorted(Path("/usr/src").glob("linux-source-*.tar.xz"))), None)


class RealTree(unittest.TestCase):
    base: Path
    overlay: Overlay

    @classmethod
    def setUpClass(cls) -> None:
        named, package = os.environ.get("RUST_VIRT_KDIR"), source_package()
        if named:
            cls.base = Path(named).resolve()
        elif package:
            holder = tempfile.TemporaryDirectory()
            cls.addClassCleanup(holder.cleanup)
            subprocess.run(["tar", "-C", holder.name, "-xJf", package], check=True,
                           env={**os.environ, "XZ_DEFAULTS": "-T0"})
            cls.base = next(Path(holder.name).iterdir())
        else:
            raise unittest.SkipTest("RUST_VIRT_KDIR names no kernel tree, and no kernel source "
                                    "is installed: apt install linux-source")
        if (cls.base / ".rust-virt").exists():
            raise unittest.SkipTest(f"{cls.base} is not pristine: it has the overlay applied")
        cls.overlay = read_overlay(REPOSITORY)

    def setUp(self) -> None:
        # Hard links need the same file system; the folder beside the tree is the likeliest one.
        beside = self.base.parent
        holder = tempfile.TemporaryDirectory(
            dir=beside if os.access(beside, os.W_OK | os.X_OK) else None)
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)
        self.tree = self.folder / "linux"

    def quietly(self, command: Callable[..., Any], *arguments: Any) -> Any:
        with contextlib.redirect_stdout(io.StringIO()):
            return command(*arguments)

    def patched_files(self) -> set[str]:
        return {diff.path for patch in self.overlay.patches for diff in patch.diffs}

    def test_apply_twice_and_revert(self) -> None:
        shutil.copytree(self.base, self.tree, symlinks=True, copy_function=copy_or_link)
        for link in (False, True):
            with self.subTest(link=link):
                before = {path: (self.base / path).read_bytes() for path in self.patched_files()}
                self.quietly(commands.apply, REPOSITORY, self.tree, link, False)
                self.assertTrue(self.quietly(commands.status, REPOSITORY, self.tree))
                touched = set(differences(self.tree, self.base))
                self.assertGreaterEqual(touched, {str(self.tree / path) for path in before})
                times = {path: os.lstat(path).st_mtime_ns for path in touched}
                self.quietly(commands.apply, REPOSITORY, self.tree, link, False)
                self.assertEqual(times, {path: os.lstat(path).st_mtime_ns for path in touched})
                self.quietly(commands.revert, self.tree, False)
                self.assertEqual(differences(self.tree, self.base), [])
                self.assertEqual(before, {path: (self.base / path).read_bytes()
                                          for path in before})

    def test_series_gives_the_applied_tree(self) -> None:
        for path in (*self.patched_files(), "Makefile", "Kbuild", "Kconfig", "arch/Kconfig",
                     "drivers/Kconfig", "include/Kbuild", "rust/Makefile",
                     "scripts/Kbuild.include"):
            if (self.base / path).exists():
                (self.tree / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.base / path, self.tree / path)
        (self.tree / "include").mkdir(exist_ok=True)
        for base in (self.base, None):
            with self.subTest(base=base):
                mailed = self.folder / ("full" if base else "given")
                out = self.folder / f"{mailed.name}.out"
                shutil.copytree(self.tree, mailed)
                commit_all(mailed)
                self.quietly(write_series, REPOSITORY, out, base)
                git(mailed, "am", "-q", *map(str, sorted(out.iterdir())[1:]))
                self.quietly(commands.apply, REPOSITORY, self.tree, False, False)
                self.assertEqual(git_view(mailed), git_view(self.tree))
                self.quietly(commands.revert, self.tree, False)


if __name__ == "__main__":
    unittest.main()
