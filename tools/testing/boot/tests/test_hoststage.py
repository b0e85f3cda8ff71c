# SPDX-License-Identifier: GPL-2.0
"""What cargo and unittest print is counted right."""

import tempfile
import unittest
from pathlib import Path

from boot import hoststage
from boot.paths import Layout
from boot.results import Status, Totals

CARGO = '''\
   Compiling wire v0.1.0
     Running unittests src/lib.rs (target/debug/deps/wire-0123456789abcdef)

running 4 tests
test probe::tests::short ... ok
test probe::tests::long ... FAILED
test probe::tests::panics - should panic ... ok
test probe::tests::slow ... ignored, needs an hour

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out
   Doc-tests wire

running 1 test
test src/lib.rs - (line 3) ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out
'''


class CargoTest(unittest.TestCase):
    """hoststage.parse_cargo."""

    def test_counts_and_names(self) -> None:
        outcomes = hoststage.parse_cargo(CARGO.splitlines(), 'host/cargo')
        self.assertEqual(Totals.of(outcomes), Totals(3, 1, 1))
        names = [o.name for o in outcomes]
        self.assertIn('host/cargo/wire::probe::tests::short', names)
        self.assertIn('host/cargo/wire::probe::tests::panics', names)

    def test_a_lost_line_is_noticed(self) -> None:
        lines = [line for line in CARGO.splitlines() if 'short' not in line]
        outcomes = hoststage.parse_cargo(lines, 'p')
        self.assertEqual(outcomes[-1].name, 'p/sum')
        self.assertIs(outcomes[-1].status, Status.FAILED)

    def test_ignored_without_a_reason_fails(self) -> None:
        text = CARGO.replace('ignored, needs an hour', 'ignored')
        outcomes = hoststage.parse_cargo(text.splitlines(), 'p')
        self.assertEqual(Totals.of(outcomes), Totals(3, 2, 0))


class UnittestStageTest(unittest.TestCase):
    """hoststage.unittests on a directory of its own."""

    def run_file(self, text: str) -> dict[str, Status]:
        with tempfile.TemporaryDirectory() as directory:
            root = Path(directory)
            (root / 'test_sample.py').write_text(text, encoding='utf-8')
            stage = hoststage.unittests(Layout(), root / 'logs', 'sample',
                                        root, root, lambda line: None)
        return {o.name.rsplit('.', 1)[-1]: o.status for o in stage.outcomes}

    def test_outcomes(self) -> None:
        statuses = self.run_file('''
import unittest
class T(unittest.TestCase):
    def test_good(self): pass
    def test_bad(self): self.fail('so')
    def test_error(self): raise ValueError
    def test_sub(self):
        for n in range(2):
            with self.subTest(n): self.assertEqual(n, 0)
    @unittest.skip('no device')
    def test_skip(self): pass
''')
        self.assertEqual(statuses, {
            'test_good': Status.PASSED, 'test_bad': Status.FAILED,
            'test_error': Status.FAILED, 'test_sub': Status.FAILED,
            'test_skip': Status.SKIPPED})

    def test_a_file_that_does_not_load_fails(self) -> None:
        self.assertIn(Status.FAILED, self.run_file('import nothing_such')
                      .values())

    def test_no_tests_fail(self) -> None:
        self.assertEqual(set(self.run_file('').values()), {Status.FAILED})
