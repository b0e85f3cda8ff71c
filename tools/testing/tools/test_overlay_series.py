# SPDX-License-Identifier: GPL-2.0
"""The series must give, through git am, the tree that apply gives."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from overlay_fixture import HOOK_RUST, OverlayCase, fill, snapshot

from overlaylib.refusal import Refusal
from overlaylib.series import write_series


def git(folder: Path, *arguments: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder.parent),
                   "GIT_CONFIG_NOSYSTEM": "1",
                   "GIT_COMMITTER_NAME": "Tester", "GIT_COMMITTER_EMAIL": "tester@example.org"}
    run = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True,
                         env=environment, check=False)
    if run.returncode:
        raise AssertionError(f"git {arguments}: {run.stdout}{run.stderr}")
    return run.stdout


def commit_all(folder: Path) -> None:
    git(folder, "init", "-q")
    git(folder, "config", "user.name", "Zoë Sender")
    git(folder, "config", "user.email", "sender@example.org")
    git(folder, "config", "core.autocrlf", "false")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "base", "--author", "Base <base@example.org>")


def git_view(folder: Path) -> dict[str, tuple[str, bool, bytes]]:
    """What git tracks of a tree: content and whether it can be run."""
    return {path: (kind, bool(mode & 0o100), data)
            for path, (kind, mode, data) in snapshot(folder).items()
            if kind != "dir" and not path.startswith((".git/", ".rust-virt/"))}


class Series(OverlayCase):
    def setUp(self) -> None:
        super().setUp()
        self.out = self.folder / "out"
        self.base = self.folder / "base"
        shutil.copytree(self.tree, self.base, symlinks=True)
        commit_all(self.base)
        commit_all(self.repo)

    def write(self, base: Path | None) -> list[Path]:
        self.told(write_series, self.repo, self.out, base)
        return sorted(self.out.iterdir())

    def assert_am_gives_the_applied_tree(self, mails: list[Path]) -> None:
        git(self.base, "am", "-q", *map(str, mails[1:]))
        self.apply()
        self.assertEqual(git_view(self.base), git_view(self.tree))
        self.assertEqual(git(self.base, "status", "--porcelain"), "")

    def test_round_trip_with_base(self) -> None:
        fill(self.repo, {"patches/0004-again.patch": HOOK_RUST.replace(
            b"X-New-Files: rust/kernel/virtio.rs\n rust/kernel/virtio/\n", b"").replace(
            b"pub mod virtio;", b"pub mod vsock;").replace(b"pub mod sync;", b"pub mod virtio;")})
        fill(self.repo, {"include/empty.h": b"", "patches/0003-crlf.patch":
                         b"Subject: samples: line ends\n\nThey stay.\n---\n"
                         b"--- a/samples/rust/Kconfig\n+++ b/samples/rust/Kconfig\n"
                         b"@@ -2 +2 @@\n-two\r\n+zwei\r\n"})
        # git am takes returns off line ends unless it is told otherwise.
        git(self.base, "config", "am.keepcr", "true")
        self.assert_am_gives_the_applied_tree(self.write(self.base))

    def test_round_trip_without_base(self) -> None:
        self.assert_am_gives_the_applied_tree(self.write(None))

    def test_applied_tree_as_base(self) -> None:
        plain = [path.read_bytes() for path in self.write(self.base)]
        self.apply()
        self.assertEqual(plain, [path.read_bytes() for path in self.write(self.tree)])

    def test_one_commit_for_each_reason(self) -> None:
        mails = self.write(self.base)
        git(self.base, "am", "-q", *map(str, mails[1:]))
        subjects = git(self.base, "log", "--reverse", "--format=%s").splitlines()[1:]
        self.assertEqual(subjects[:2], ["rust: add the virtio module",
                                        "iommu: hook in the small driver"])
        self.assertEqual(len(subjects), 4)
        files = git(self.base, "show", "--format=", "--name-only", "HEAD~3").split()
        self.assertEqual(files, ["rust/kernel/lib.rs", "rust/kernel/virtio.rs",
                                 "rust/kernel/virtio/queue.rs"])
        self.assertIn(b"\n@@ -0,0 +1,1 @@\n", mails[1].read_bytes())
        self.assertIn("Drivers need it.", git(self.base, "show", "-s", "--format=%b", "HEAD~3"))
        self.assertEqual(git(self.base, "show", "-s", "--format=%an <%ae>", "HEAD").strip(),
                         "Zoë Sender <sender@example.org>")

    def test_unclaimed_sources_come_before_their_hooks(self) -> None:
        fill(self.repo, {"rust/helpers/small.c": b"/* */\n", "samples/rust/small.rs": b"//\n"})
        names = [path.name for path in self.write(self.base)]
        order = [next(index for index, name in enumerate(names) if word in name)
                 for word in ("rust-helpers", "iommu-hook", "samples-rust", "Documentation")]
        self.assertEqual(order, sorted(order))

    def test_nobody_signs_off(self) -> None:
        mails = self.write(self.base)
        self.assertIn(b"Signed-off-by", mails[0].read_bytes())
        for mail in mails:
            self.assertNotRegex(mail.read_bytes(), rb"(?mi)^signed-off-by:")

    def test_threaded_below_the_cover_letter(self) -> None:
        mails = [path.read_text(encoding="utf-8") for path in self.write(self.base)]
        cover = next(line.split(": ")[1] for line in mails[0].splitlines()
                     if line.startswith("Message-ID: "))
        identities = {line for mail in mails for line in mail.splitlines()
                      if line.startswith("Message-ID: ")}
        self.assertEqual(len(identities), len(mails))
        for mail in mails[1:]:
            self.assertIn(f"In-Reply-To: {cover}\n", mail)

    def test_out_folder(self) -> None:
        self.write(self.base)
        fill(self.out, {"0099-old.patch": b"old"})
        self.assertNotIn("0099-old.patch", [path.name for path in self.write(self.base)])
        fill(self.out, {"notes.txt": b"mine"})
        with self.assertRaises(Refusal) as caught:
            self.write(self.base)
        self.assertIn("notes.txt", str(caught.exception))

    def test_faults_are_refused(self) -> None:
        self.edit_patch("0001-rust.patch", b" pub mod sync;", b" pub mod nothing;")
        with self.assertRaises(Refusal):
            self.write(self.base)
        self.assertFalse(self.out.exists())
