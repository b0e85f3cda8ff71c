# SPDX-License-Identifier: GPL-2.0
"""The end of a run: sums, exit status, how to repeat a failure."""

import io
import json
import tempfile
import unittest
from pathlib import Path

from boot.report import Reporter
from boot.results import (Outcome, StageResult, Status, Totals, failed, passed,
                          skipped)


class ReportTest(unittest.TestCase):
    """report.Reporter on plain output."""

    def report(self, *outcomes: Outcome) -> tuple[str, int, dict[str, object]]:
        out = io.StringIO()
        reporter = Reporter(out)
        reporter.start('stage')
        reporter.finish(StageResult('stage', list(outcomes), 1.5, 'a.log'))
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / 'run.json'
            reporter.write_json(path, 'check')
            status = reporter.summary(2.0, path)
            return out.getvalue(), status, json.loads(path.read_text())

    def test_last_line(self) -> None:
        text, status, content = self.report(passed('a'), passed('b'),
                                            skipped('c', 'no device'))
        self.assertTrue(text.endswith('\n2 passed, 0 failed, 1 skipped\n'))
        self.assertEqual(status, 0)
        self.assertEqual((content['passed'], content['skipped']), (2, 1))
        self.assertIn('no device', text)

    def test_failure(self) -> None:
        text, status, _ = self.report(
            passed('a'), Outcome('b', Status.FAILED, 'why', 'make check-x'))
        self.assertEqual(status, 1)
        self.assertIn('again: make check-x', text)
        self.assertIn('why', text)
        self.assertIn('a.log', text)
        self.assertEqual(text.splitlines()[-1],
                         '1 passed, 1 failed, 0 skipped')

    def test_nothing_tested_is_no_success(self) -> None:
        self.assertEqual(self.report()[1], 1)
        self.assertEqual(self.report(skipped('a', 'x'))[1], 1)

    def test_skip_needs_a_reason(self) -> None:
        self.assertIs(skipped('a', ' ').status, Status.FAILED)
        self.assertEqual(Totals.of([failed('a', '')]), Totals(0, 1, 0))
