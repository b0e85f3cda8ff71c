# SPDX-License-Identifier: GPL-2.0
"""What one test, and what a whole run, came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Iterable


class Status(Enum):
    """The three ways in which a test can end."""

    PASSED = 'passed'
    FAILED = 'failed'
    SKIPPED = 'skipped'


@dataclass(frozen=True)
class Outcome:
    """One test and how it ended.

    ``detail`` is the reason of a skip or what is known about a failure;
    ``reproduce`` is the command that runs just this again.
    """

    name: str
    status: Status
    detail: str = ''
    reproduce: str = ''

    def as_json(self) -> dict[str, str]:
        """The outcome for the results file; empty fields are left out."""
        fields = {'name': self.name, 'status': self.status.value,
                  'detail': self.detail, 'reproduce': self.reproduce}
        return {key: value for key, value in fields.items() if value}


def passed(name: str, detail: str = '') -> Outcome:
    """An outcome that is as it should be."""
    return Outcome(name, Status.PASSED, detail)


def failed(name: str, detail: str) -> Outcome:
    """An outcome that fails the run."""
    return Outcome(name, Status.FAILED, detail)


NO_REASON = 'skipped without a reason'


def skipped(name: str, reason: str) -> Outcome:
    """A skip; without a reason it is a failure, for nobody could judge it."""
    if not reason.strip():
        return failed(name, NO_REASON)
    return Outcome(name, Status.SKIPPED, reason.strip())


@dataclass
class StageResult:
    """Everything that came out of one stage (a boot, a cargo run, ...)."""

    name: str
    outcomes: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0
    log: str = ''

    def as_json(self) -> dict[str, Any]:
        """The stage for the results file."""
        return {'name': self.name, 'seconds': round(self.seconds, 2),
                'log': self.log,
                'outcomes': [outcome.as_json() for outcome in self.outcomes]}


@dataclass(frozen=True)
class Totals:
    """The three numbers that every run ends with."""

    passed: int
    failed: int
    skipped: int

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> Totals:
        """Counts outcomes."""
        count = Counter(outcome.status for outcome in outcomes)
        return cls(count[Status.PASSED], count[Status.FAILED],
                   count[Status.SKIPPED])

    def __str__(self) -> str:
        return (f'{self.passed} passed, {self.failed} failed, '
                f'{self.skipped} skipped')

    @property
    def exit_status(self) -> int:
        """A run that tested nothing is no success."""
        return 0 if self.failed == 0 and self.passed > 0 else 1
