# SPDX-License-Identifier: GPL-2.0
"""The checkers of form see what is wrong."""

import shutil
import tempfile
import unittest
from pathlib import Path

from boot import lint
from boot.paths import Layout
from boot.results import Status

GOOD = {
    'a.rs': 'fn one() -> u8 {\n    1\n}\n',
    'b.sh': '#!/bin/sh\necho "$1"\n',
    'tools/bootstraplib/__init__.py': 'ONE: int = 1\n',
    'tools/buildlib/__init__.py': '',
    'tools/overlaylib/__init__.py': '',
    'tools/testing/boot/__init__.py': '',
}


class LintTest(unittest.TestCase):
    """lint.stage on a small repository."""

    def statuses(self, changed: dict[str, str]) -> dict[str, Status]:
        with tempfile.TemporaryDirectory() as directory:
            repo = Path(directory, 'repo')
            for name, text in {**GOOD, **changed}.items():
                path = repo / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding='utf-8')
            stage = lint.stage(Layout(repo=repo), Path(directory, 'logs'),
                               lambda line: None)
        return {o.name.removeprefix('host/lint/'): o.status
                for o in stage.outcomes}

    def test_good_files_pass(self) -> None:
        self.assertNotIn(Status.FAILED, self.statuses({}).values())

    def test_bad_files_fail(self) -> None:
        for name, text, checker in (
                ('a.rs', 'fn one()->u8{1}\n', 'rustfmt'),
                ('b.sh', '#!/bin/sh\necho $1\n', 'shellcheck'),
                ('tools/buildlib/__init__.py', 'ONE: int = ""\n',
                 'mypy buildlib'),
                ('README', 'T' 'eh end.\n', 'codespell')):
            with self.subTest(checker):
                if shutil.which(checker.split(' ', maxsplit=1)[0]) is None:
                    self.skipTest(f'{checker} is not installed')
                self.assertIs(self.statuses({name: text})[checker],
                              Status.FAILED)


if __name__ == '__main__':
    unittest.main()
