# SPDX-License-Identifier: GPL-2.0
"""Which patches are read, and where their hunks go."""

from __future__ import annotations

import unittest

from overlay_fixture import HOOK_DRIVER, HOOK_RUST, OverlayCase, fill

from overlaylib import commands
from overlaylib.hunks import apply_diff
from overlaylib.patchfile import parse_patch
from overlaylib.refusal import Refusal

HEAD = b"Subject: [PATCH] a: b\n\nWhy.\n---\ndiff --git a/F b/F\n--- a/F\n+++ b/F\n"


def applied(hunks: bytes, content: bytes) -> bytes:
    patch = parse_patch("0001-t.patch", HEAD + hunks)
    return apply_diff(patch.label, patch.diffs[0], content)


class Places(unittest.TestCase):
    def test_where_a_hunk_goes(self) -> None:
        insert = b"@@ -2,2 +2,3 @@\n b\n+new\n c\n"
        cases = (
            ("as stated", insert, b"a\nb\nc\nd\n", b"a\nb\nnew\nc\nd\n"),
            ("moved down", insert, b"x\ny\na\nb\nc\nd\n", b"x\ny\na\nb\nnew\nc\nd\n"),
            ("moved up", insert, b"b\nc\nd\n", b"b\nnew\nc\nd\n"),
            ("stated place wins", insert, b"a\nb\nc\nb\nc\n", b"a\nb\nnew\nc\nb\nc\n"),
            ("no context", b"@@ -2 +2 @@\n-b\n+B\n", b"a\nb\nc\n", b"a\nB\nc\n"),
            ("at the end", b"@@ -3,1 +3,2 @@\n c\n+new\n", b"a\nb\nc\n", b"a\nb\nc\nnew\n"),
            ("blank line without its blank", b"@@ -1,2 +1,3 @@\n a\n\n+new\n", b"a\n\nb\n",
             b"a\n\nnew\nb\n"),
            ("no newline at the end",
             b"@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n",
             b"a\nb", b"a\nc\n"),
            ("second moves with the first", insert + b"@@ -5,2 +6,3 @@\n e\n+new\n f\n",
             b"x\na\nb\nc\nd\ne\nf\ne\nf\n", b"x\na\nb\nnew\nc\nd\ne\nnew\nf\ne\nf\n"),
            ("only after the first", insert + b"@@ -9,1 +10,1 @@\n-b\n+B\n",
             b"a\nb\nc\nb\n", b"a\nb\nnew\nc\nB\n"),
            ("other line ends", b"@@ -1,1 +1,2 @@\n a\r\n+b\r\n", b"a\r\n", b"a\r\nb\r\n"),
        )
        for name, hunks, content, wanted in cases:
            with self.subTest(name):
                self.assertEqual(applied(hunks, content), wanted)

    def test_where_a_hunk_does_not_go(self) -> None:
        insert = b"@@ -2,2 +2,3 @@\n b\n+new\n c\n"
        cases = (
            ("no match", insert, b"a\nb\nd\n", "hunk 1 (line 2) does not fit"),
            ("blank differs", insert, b"a\nb \nc\n", "does not fit"),
            ("line end differs", insert, b"a\nb\r\nc\n", "does not fit"),
            ("newline missing", insert, b"a\nb\nc", "does not fit"),
            ("several places", insert, b"b\nc\n\nb\nc\n", "fits at several places (lines 1, 4)"),
            ("already there", insert, b"a\nb\nnew\nc\n", "stands in the file already"),
            ("before the first", insert + b"@@ -9,1 +10,1 @@\n-a\n+A\n", b"a\nb\nc\n", "hunk 2"),
            ("over the first", insert + b"@@ -2,1 +3,1 @@\n-b\n+B\n", b"a\nb\nc\n", "hunk 2"),
            ("empty file", insert, b"", "does not fit"),
        )
        for name, hunks, content, words in cases:
            with self.subTest(name), self.assertRaises(Refusal) as caught:
                applied(hunks, content)
            self.assertIn(words, str(caught.exception))


class Reading(unittest.TestCase):
    def test_message(self) -> None:
        patch = parse_patch("n", b"From 0 Mon Sep 17 00:00:00 2001\nFrom: a <a@b>\n"
                            b"Subject: [PATCH 1/2] a: b\n\tc\nX-New-Files: d/ e\n\nWhy.\n\nMore.\n")
        self.assertEqual(patch.subject, "a: b c")
        self.assertEqual(patch.body, "Why.\n\nMore.")
        self.assertEqual(patch.new_files, ("d/", "e"))

    def test_mail_signature_is_no_hunk(self) -> None:
        patch = parse_patch("n", HOOK_RUST + b"-- \n2.47.3\n\n")
        self.assertEqual(len(patch.diffs), 1)

    def test_what_is_refused(self) -> None:
        hunk = b"@@ -1 +1 @@\n-a\n+b\n"
        good = HEAD + hunk
        cases = (
            ("sign-off in the body", good.replace(b"Why.", b"Why.\n\nsigned-off-BY: x <x@y>"),
             "sign-off"),
            ("sign-off as header", b"Signed-off-by: x <x@y>\n" + good, "sign-off"),
            ("no subject", good.replace(b"Subject: [PATCH] a: b\n", b"X: y\n"), "no Subject"),
            ("empty subject", good.replace(b" a: b", b""), "no Subject"),
            ("no body", good.replace(b"Why.\n", b""), "no message body"),
            ("no mail", hunk, "not a mail header"),
            ("no diff", b"Subject: a\n\nWhy.\n", "neither a diff"),
            ("no hunk", HEAD, "has no hunk"),
            ("insertion without context", HEAD + b"@@ -1,0 +2 @@\n+b\n", "without any context"),
            ("no change", HEAD + b"@@ -1 +1 @@\n a\n", "changes nothing"),
            ("short hunk", HEAD + b"@@ -1,3 +1,3 @@\n-a\n+b\n", "other lines"),
            ("long hunk", good + b"+c\n", "outside any hunk"),
            ("new file", good.replace(b"--- a/F", b"new file mode 100644\n--- /dev/null"),
             "only edits"),
            ("new file, bare", good.replace(b"--- a/F", b"--- /dev/null"), "existing"),
            ("removed file", good.replace(b"+++ b/F", b"+++ /dev/null"), "existing"),
            ("rename", good.replace(b"+++ b/F", b"+++ b/G"), "existing"),
            ("mode", good.replace(b"--- a/F", b"old mode 100644\n--- a/F"), "only edits"),
            ("out of the tree", good.replace(b"/F", b"/../F"), "existing"),
            ("absolute", good.replace(b"/F", b"//F"), "existing"),
            ("twice", good + HEAD[HEAD.index(b"diff"):] + hunk, "twice"),
            ("not UTF-8", good.replace(b"Why", b"\xff"), "UTF-8"),
        )
        parse_patch("n", good)
        for name, data, words in cases:
            with self.subTest(name), self.assertRaises(Refusal) as caught:
                parse_patch("0001-x.patch", data)
            self.assertIn(words, str(caught.exception))
            self.assertIn("patches/0001-x.patch", str(caught.exception))


class Claims(OverlayCase):
    def test_check(self) -> None:
        text = self.told(commands.check, self.repo, self.tree)
        self.assertIn("unclaimed Documentation/small.rst", text)
        self.assertNotIn("unclaimed rust/", text)
        self.assertIn("6 new files; 2 patches, 6 lines added and 2 removed", text)
        self.assert_pristine()

    def test_claims_that_cannot_be(self) -> None:
        self.edit_patch("0001-rust.patch", b"rust/kernel/virtio/", b"rust/kernel/gone/")
        self.edit_patch("0002-driver.patch", b"small-rust/*",
                        b"small-rust/* rust/kernel/virtio.rs")
        self.assert_refused(lambda: commands.check(self.repo, None), "rust/kernel/gone/",
                            "rust/kernel/virtio.rs is claimed by patches/0001-rust.patch too")

    def test_patch_of_an_overlay_file(self) -> None:
        fill(self.repo, {"patches/0003-own.patch": HOOK_DRIVER.replace(
            b"drivers/iommu/Kconfig", b"rust/kernel/virtio.rs")})
        self.assert_refused(self.apply, "patches/0003-own.patch", "rust/kernel/virtio.rs is a file of this repository")

    def test_link_in_the_overlay(self) -> None:
        (self.repo / "include").mkdir()
        (self.repo / "include/link.h").symlink_to("/etc/passwd")
        self.assert_refused(self.apply, "include/link.h")
