# SPDX-License-Identifier: GPL-2.0
"""What libFuzzer prints is understood, and a fuzzer that sees nothing fails."""

import unittest

from boot import fuzz
from boot.paths import Layout
from boot.results import Status

LINES = ('INFO: Loaded 1 modules   (812 inline 8-bit counters): 812 [0x1, 0x2)',
         '#20\tINITED cov: 31 ft: 40 corp: 9/90b exec/s: 0 rss: 30Mb',
         '#900\tNEW    cov: 35 ft: 51 corp: 12/99b lim: 4 exec/s: 0',
         'stat::number_of_executed_units: 123456')


class JudgeTest(unittest.TestCase):
    """fuzz.judge on what a program printed."""

    def test_a_good_run(self) -> None:
        outcome = fuzz.judge('probe', 0, LINES)
        self.assertIs(outcome.status, Status.PASSED)
        self.assertEqual(outcome.name, 'host/fuzz/probe')
        self.assertEqual(outcome.detail, '123456 inputs, 35 places')

    def test_a_crash(self) -> None:
        lines = (*LINES[:2], "thread '<unnamed>' panicked at src/x.rs:1:1")
        outcome = fuzz.judge('probe', 77, lines)
        self.assertIs(outcome.status, Status.FAILED)
        self.assertIn('panicked', outcome.detail)

    def test_a_blind_run(self) -> None:
        for missing in (0, 3):
            lines = [line for index, line in enumerate(LINES)
                     if index != missing]
            with self.subTest(missing):
                self.assertIs(fuzz.judge('probe', 0, lines).status,
                              Status.FAILED)
        self.assertIs(fuzz.judge('probe', 0, ()).status, Status.FAILED)


class CorporaTest(unittest.TestCase):
    """Every target has a program and a corpus, under one name."""

    def test_names(self) -> None:
        crate = Layout().repo / 'tools' / 'testing' / 'host' / 'fuzz'
        programs = {path.stem for path in (crate / 'src' / 'bin').glob('*.rs')}
        kept = {path.name for path in fuzz.corpora(Layout())}
        self.assertEqual(programs, kept)
        self.assertTrue(kept)


if __name__ == '__main__':
    unittest.main()
