# SPDX-License-Identifier: GPL-2.0
"""What every file that goes into a kernel tree, and the list of parts, must have."""

from __future__ import annotations

import re
import unittest

from overlay_fixture import TOOLS

from overlaylib.sources import Overlay, check_claims, read_overlay

REPOSITORY = TOOLS.parent


class Repository(unittest.TestCase):
    overlay: Overlay

    @classmethod
    def setUpClass(cls) -> None:
        cls.overlay = read_overlay(REPOSITORY)
        if not cls.overlay.files or not cls.overlay.patches:
            raise AssertionError(f"{REPOSITORY} has no overlay")

    def test_claims_of_patches(self) -> None:
        self.assertEqual(check_claims(self.overlay), [])

    def test_licence_line(self) -> None:
        bare = [path for path, source in self.overlay.files.items()
                if not any(b"SPDX-License-Identifier: GPL-2.0" in line
                           for line in source.disk.read_bytes().splitlines()[:3])]
        self.assertEqual(bare, [])

    def test_maintained_paths_exist(self) -> None:
        text = (REPOSITORY / "MAINTAINERS").read_text(encoding="utf-8")
        patterns = re.findall(r"^F:\t(\S+)$", text, re.MULTILINE)
        self.assertTrue(patterns)
        self.assertEqual([pattern for pattern in patterns
                          if not (REPOSITORY / pattern).exists()], [])

    def test_licence_texts(self) -> None:
        text = (REPOSITORY / "COPYING").read_text(encoding="utf-8")
        named = re.findall(r"^\s+(LICENSES/\S+)$", text, re.MULTILINE)
        self.assertEqual(len(named), 2)
        for path in named:
            self.assertTrue((REPOSITORY / path).is_file(), path)
