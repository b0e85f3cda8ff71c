# SPDX-License-Identifier: GPL-2.0
"""Differences between the drivers fail unless they are listed and true."""

import unittest

from boot import parity
from boot.plan import Boot
from boot.results import (Outcome, StageResult, Status, failed, passed,
                          skipped)

RUST = Boot('lazy-rust', 'x86_64', driver='rust', oracle='lazy-c')
C = Boot('lazy-c', 'x86_64', driver='c')
KNOWN = (parity.Difference('fault.short', Status.PASSED, Status.FAILED,
                           'the C driver takes it for success'),)


def stage(boot: Boot, *outcomes: Outcome) -> StageResult:
    named = [Outcome(f'{boot.key}/{o.name}', o.status, o.detail)
             for o in (passed('boot'), *outcomes)]
    return StageResult(boot.key, named)


class ParityTest(unittest.TestCase):
    """parity.compare."""

    def compare(self, rust: list[Outcome], c: list[Outcome],
                ) -> tuple[list[Status], StageResult]:
        oracle = stage(C, *c)
        result = parity.compare(RUST, stage(RUST, *rust), C, oracle, KNOWN)
        return [o.status for o in result.outcomes], oracle

    def test_equal(self) -> None:
        statuses, _ = self.compare([passed('a'), skipped('b', 'x')],
                                   [passed('a'), skipped('b', 'x')])
        self.assertEqual(statuses, [Status.PASSED] * 2)

    def test_unlisted_difference(self) -> None:
        statuses, _ = self.compare([passed('a')], [failed('a', '')])
        self.assertEqual(statuses, [Status.FAILED])

    def test_missing_on_one_side(self) -> None:
        statuses, _ = self.compare([passed('a')], [])
        self.assertEqual(statuses, [Status.FAILED])

    def test_listed_difference(self) -> None:
        statuses, oracle = self.compare([passed('fault.short')],
                                        [failed('fault.short', '')])
        self.assertEqual(statuses, [Status.PASSED])
        self.assertEqual([o.status for o in oracle.outcomes], [Status.PASSED])

    def test_listed_difference_that_is_gone(self) -> None:
        statuses, _ = self.compare([passed('fault.short')],
                                   [passed('fault.short')])
        self.assertEqual(statuses, [Status.FAILED])
