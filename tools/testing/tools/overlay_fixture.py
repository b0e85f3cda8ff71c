# SPDX-License-Identifier: GPL-2.0
"""A small kernel tree and a small repository to lay over it."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, Callable, Iterator
from unittest import mock

TOOLS = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOOLS))

from overlaylib import commands  # noqa: E402
from overlaylib.refusal import Refusal  # noqa: E402

TREE: dict[str, bytes] = {
    "Makefile": b"VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\n",
    "Kbuild": b"obj-y += drivers/\n",
    "Kconfig": b"mainmenu \"small\"\n",
    "arch/Kconfig": b"config RUST\n\tbool\n",
    "include/linux/small.h": b"#define SMALL\n",
    "scripts/Kbuild.include": b"comma := ,\n",
    "rust/kernel/lib.rs": b"".join(b"pub mod %s;\n" % name for name in
                                   (b"alloc", b"bug", b"io", b"sync", b"wq")),
    "drivers/iommu/Kconfig": b"".join(b"config DRIVER_%d\n\tbool \"d\"\n\n" % number
                                      for number in range(8)),
    "drivers/iommu/Makefile": b"obj-y += a.o\nobj-y += b.o\nlast-y := no-newline",
    "scripts/run.sh": b"#!/bin/sh\ntrue\nexit 0\n",
    "samples/rust/Kconfig": b"one\r\ntwo\r\nthree\r\n",
    "Documentation/index.rst": b"Index\n",
}
MODES = {"scripts/run.sh": 0o755, "drivers/iommu/Makefile": 0o664}

FILES: dict[str, bytes] = {
    "rust/kernel/virtio.rs": b"//! Virtio.\npub mod queue;\n",
    "rust/kernel/virtio/queue.rs": b"//! Queue.\n",
    "drivers/iommu/small-rust/main.rs": b"//! Driver.\n",
    "drivers/iommu/small-rust/deep/er/part.rs": b"//! No newline at the end",
    "tools/testing/selftests/small/run.sh": b"#!/bin/sh\nexit 0\n",
    "tools/testing/boot/not_laid.py": b"\n",
    "drivers/iommu/small-rust/main.o": b"leftover\n",
    "Documentation/small.rst": b"Small\n",
}
LAID = ("rust/kernel/virtio.rs", "rust/kernel/virtio/queue.rs", "drivers/iommu/small-rust/main.rs",
        "drivers/iommu/small-rust/deep/er/part.rs", "tools/testing/selftests/small/run.sh",
        "Documentation/small.rst")

HOOK_RUST = b"""Subject: [PATCH] rust: add the virtio module
X-New-Files: rust/kernel/virtio.rs
 rust/kernel/virtio/

Drivers need it.
---
diff --git a/rust/kernel/lib.rs b/rust/kernel/lib.rs
--- a/rust/kernel/lib.rs
+++ b/rust/kernel/lib.rs
@@ -4,2 +4,3 @@
 pub mod sync;
+pub mod virtio;
 pub mod wq;
"""
HOOK_DRIVER = b"""Subject: iommu: hook in the small driver
X-New-Files: drivers/iommu/small-rust/*

It is chosen by its own symbol.
---
diff --git a/drivers/iommu/Kconfig b/drivers/iommu/Kconfig
--- a/drivers/iommu/Kconfig
+++ b/drivers/iommu/Kconfig
@@ -4,2 +4,3 @@
 config DRIVER_1
+\tdef_bool n
 \tbool "d"
@@ -19,2 +20,3 @@ config DRIVER_6
 config DRIVER_6
+\tdef_bool n
 \tbool "d"
diff --git a/drivers/iommu/Makefile b/drivers/iommu/Makefile
--- a/drivers/iommu/Makefile
+++ b/drivers/iommu/Makefile
@@ -2,2 +2,2 @@
 obj-y += b.o
-last-y := no-newline
\\ No newline at end of file
+last-y := small-rust
\\ No newline at end of file
diff --git a/scripts/run.sh b/scripts/run.sh
--- a/scripts/run.sh
+++ b/scripts/run.sh
@@ -2,2 +2,2 @@
-true
+false
 exit 0
diff --git a/rust/kernel/lib.rs b/rust/kernel/lib.rs
--- a/rust/kernel/lib.rs
+++ b/rust/kernel/lib.rs
@@ -1,2 +1,3 @@
 pub mod alloc;
+pub mod anchor;
 pub mod bug;
"""
PATCHED = ("drivers/iommu/Kconfig", "drivers/iommu/Makefile", "rust/kernel/lib.rs",
           "scripts/run.sh")


def fill(root: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def snapshot(root: Path) -> dict[str, tuple[str, int, bytes]]:
    """Kind, permission bits and content of everything below, directories included."""
    found: dict[str, tuple[str, int, bytes]] = {}
    for folder, directories, files in os.walk(root):
        for name in directories + files:
            path = Path(folder) / name
            mode = path.lstat().st_mode & 0o7777
            if path.is_symlink():
                found[str(path.relative_to(root))] = ("link", 0, os.readlink(path).encode())
            elif path.is_dir():
                found[str(path.relative_to(root))] = ("dir", mode, b"")
            else:
                found[str(path.relative_to(root))] = ("file", mode, path.read_bytes())
    return found


class Crash(BaseException):
    """The power went off: nothing that handles errors may handle this."""


@contextlib.contextmanager
def crash_after(count: int) -> Iterator[None]:
    """Lets `count` changes of the file system happen and none after them."""
    left = [count]

    def guarded(real: Callable[..., Any]) -> Callable[..., Any]:
        def change(*arguments: Any, **options: Any) -> Any:
            if left[0] == 0:
                raise Crash
            left[0] -= 1
            return real(*arguments, **options)
        return change

    with contextlib.ExitStack() as stack:
        for name in ("replace", "unlink", "rmdir", "mkdir", "symlink"):
            stack.enter_context(mock.patch.object(os, name, guarded(getattr(os, name))))
        yield


class OverlayCase(unittest.TestCase):
    """Gives each test `self.tree` and `self.repo` in a folder of its own."""

    def setUp(self) -> None:
        # Replacing files waits for the disk, which is most of the time of these tests.
        memory = Path("/dev/shm")
        holder = tempfile.TemporaryDirectory(
            dir=memory if os.access(memory, os.W_OK | os.X_OK) else None)
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name).resolve()
        self.tree = self.folder / "linux"
        self.repo = self.folder / "repo"
        fill(self.tree, TREE)
        for name, mode in MODES.items():
            (self.tree / name).chmod(mode)
        (self.tree / "Documentation/Changes").symlink_to("index.rst")
        fill(self.repo, FILES)
        (self.repo / "tools/testing/selftests/small/run.sh").chmod(0o755)
        fill(self.repo, {"patches/0001-rust.patch": HOOK_RUST,
                         "patches/0002-driver.patch": HOOK_DRIVER})
        self.pristine = snapshot(self.tree)

    def apply(self, link: bool = False, any_base: bool = False) -> str:
        return self.told(commands.apply, self.repo, self.tree, link, any_base)

    def revert(self, force: bool = False) -> str:
        return self.told(commands.revert, self.tree, force)

    def status(self) -> tuple[bool, str]:
        clean: list[bool] = []
        text = self.told(lambda: clean.append(commands.status(self.repo, self.tree)))
        return clean[0], text

    def told(self, command: Callable[..., None], *arguments: Any) -> str:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            command(*arguments)
        return out.getvalue()

    def assert_refused(self, command: Callable[[], object], *words: str) -> None:
        """Refused, with each of the words in the reasons, and nothing touched."""
        before = snapshot(self.tree)
        with self.assertRaises(Refusal) as caught:
            command()
        for word in words:
            self.assertIn(word, str(caught.exception))
        self.assertEqual(before, snapshot(self.tree))

    def assert_pristine(self) -> None:
        self.assertEqual(self.pristine, snapshot(self.tree))

    def edit_patch(self, name: str, old: bytes, new: bytes) -> None:
        path = self.repo / "patches" / name
        text = path.read_bytes()
        self.assertIn(old, text)
        path.write_bytes(text.replace(old, new))
