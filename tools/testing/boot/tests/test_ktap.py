# SPDX-License-Identifier: GPL-2.0
"""KTAP is read with the kernel's parser; nothing that is wrong with it passes."""

import unittest

from boot import ktap
from boot.paths import Layout, MissingInput
from boot.results import Outcome, Status


class KtapTest(unittest.TestCase):
    """ktap.parse on what guests and KUnit print."""

    def setUp(self) -> None:
        try:
            tree = Layout().kernel_tree()
        except MissingInput as error:
            self.skipTest(str(error))
        self.parser = ktap.load_parser(tree)

    def parse(self, text: str) -> list[Outcome]:
        return ktap.parse(self.parser, text.splitlines(), 'p')

    def statuses(self, text: str) -> dict[str, Status]:
        return {o.name: o.status for o in self.parse(text)}

    def test_flat(self) -> None:
        text = ('KTAP version 1\n1..3\n# a diagnostic\nok 1 - reads\n'
                'not ok 2 - writes\nok 3 - maps # SKIP no device\n')
        self.assertEqual(self.statuses(text), {
            'p.reads': Status.PASSED, 'p.writes': Status.FAILED,
            'p.maps': Status.SKIPPED})
        reasons = {o.name: o.detail for o in self.parse(text)}
        self.assertEqual(reasons['p.maps'], 'no device')

    def test_diagnostics_of_a_failure_are_kept(self) -> None:
        text = 'KTAP version 1\n1..1\n# expected 3, got 4\nnot ok 1 - sum\n'
        self.assertIn('expected 3, got 4', self.parse(text)[0].detail)

    def test_kunit_nesting(self) -> None:
        text = ('KTAP version 1\n1..2\n'
                '    KTAP version 1\n    # Subtest: wire\n    1..2\n'
                '    ok 1 probe\n    ok 2 fault\n'
                '# wire: pass:2 fail:0 skip:0 total:2\nok 1 wire\n'
                '    KTAP version 1\n    # Subtest: table\n    1..1\n'
                '    not ok 1 unmap\n'
                'not ok 2 table\n')
        self.assertEqual(self.statuses(text), {
            'p.wire.probe': Status.PASSED, 'p.wire.fault': Status.PASSED,
            'p.table.unmap': Status.FAILED})

    def test_parent_that_fails_alone(self) -> None:
        text = ('KTAP version 1\n1..1\n    KTAP version 1\n'
                '    # Subtest: wire\n    1..1\n    ok 1 probe\n'
                'not ok 1 wire\n')
        self.assertEqual(self.statuses(text)['p.wire'], Status.FAILED)

    def test_skip_without_a_reason_fails(self) -> None:
        text = 'KTAP version 1\n1..1\nok 1 - maps # SKIP\n'
        self.assertIn(Status.FAILED, self.statuses(text).values())
        self.assertNotIn(Status.SKIPPED, self.statuses(text).values())

    def test_cut_short(self) -> None:
        text = 'KTAP version 1\n1..3\nok 1 - reads\n'
        self.assertEqual(self.statuses(text)['p.ktap'], Status.FAILED)

    def test_missing(self) -> None:
        for text in ('', 'no tests here\n', 'KTAP version 1\n1..0\n'):
            with self.subTest(text):
                statuses = set(self.statuses(text).values())
                self.assertEqual(statuses, {Status.FAILED})

    def test_wrong_number(self) -> None:
        text = 'KTAP version 1\n1..2\nok 1 - a\nok 3 - b\n'
        self.assertIn(Status.FAILED, self.statuses(text).values())
