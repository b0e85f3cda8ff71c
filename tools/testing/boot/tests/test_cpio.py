# SPDX-License-Identifier: GPL-2.0
"""The archives are what cpio itself understands."""

import io
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from boot import cpio


def written(entries: list[cpio.Entry]) -> bytes:
    out = io.BytesIO()
    cpio.write(out, entries)
    return out.getvalue()


class CpioTest(unittest.TestCase):
    """cpio.write."""

    ENTRIES = [cpio.regular('a/b/file', b'content', 0o755),
               cpio.symlink('a/link', 'b/file'), cpio.regular('odd', b'123')]

    def test_equal_content_is_an_equal_file(self) -> None:
        self.assertEqual(written(self.ENTRIES), written(self.ENTRIES[::-1]))

    def test_another_archive_may_follow(self) -> None:
        self.assertEqual(len(written(self.ENTRIES)) % 512, 0)

    def test_parents_come_first(self) -> None:
        paths = [e.path for e in cpio.with_parents(self.ENTRIES)]
        self.assertLess(paths.index('a'), paths.index('a/b'))
        self.assertLess(paths.index('a/b'), paths.index('a/b/file'))

    @unittest.skipUnless(shutil.which('cpio'), 'cpio is not installed')
    def test_cpio_unpacks_it(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            subprocess.run(['cpio', '-idm', '--quiet'], cwd=directory,
                           input=written(self.ENTRIES), check=True)
            root = Path(directory)
            self.assertEqual((root / 'a/b/file').read_bytes(), b'content')
            self.assertTrue(os.access(root / 'a/b/file', os.X_OK))
            self.assertEqual(os.readlink(root / 'a/link'), 'b/file')
            self.assertEqual((root / 'odd').read_bytes(), b'123')
