# SPDX-License-Identifier: GPL-2.0
"""Compares what the Rust and the C driver did in the same tests.

A difference is a failure unless it is listed with its reason; a listed one
that does not show any more is a failure too, so that the list stays true.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Sequence

from boot.plan import Boot
from boot.results import Outcome, StageResult, Status, failed, passed

_OF_THE_BOOT = ('boot', 'log-is-clean', 'first-attempt')


@dataclass(frozen=True)
class Difference:
    """A case that is known to end differently, and why it should."""

    case: str
    rust: Status
    c: Status
    reason: str
    arches: tuple[str, ...] = ('x86_64', 'arm64')


def cases(boot: Boot, stage: StageResult) -> dict[str, Outcome]:
    """The outcomes of a boot's tests, without the boot's name."""
    prefix = f'{boot.key}/'
    named = {o.name.removeprefix(prefix): o for o in stage.outcomes}
    return {name: o for name, o in named.items() if name not in _OF_THE_BOOT}


def _judge(case: str, rust: Outcome | None, c: Outcome | None,
           difference: Difference | None) -> str:
    """What is wrong with one case; empty if nothing is."""
    if rust is None or c is None:
        return 'ran on the ' + ('C' if rust is None else 'Rust') + ' driver only'
    if difference is None:
        if rust.status is not c.status:
            return f'Rust {rust.status.value}, C {c.status.value}'
        return ''
    if (rust.status, c.status) != (difference.rust, difference.c):
        return (f'expected Rust {difference.rust.value} and C '
                f'{difference.c.value} ({difference.reason}), found '
                f'{rust.status.value} and {c.status.value}')
    return ''


def _listed(case: str, arch: str,
            known: Sequence[Difference]) -> Difference | None:
    return next((d for d in known
                 if arch in d.arches and fnmatchcase(case, d.case)), None)


def compare(boot: Boot, rust: StageResult, oracle: Boot, c: StageResult,
            known: Sequence[Difference]) -> StageResult:
    """One outcome per case, and the C failures that are known taken away.

    The C driver's own outcomes stay in its stage; a failure there that is
    listed as a difference is no failure of this project, so it is removed
    from that stage and told here instead.
    """
    name = f'parity/{boot.arch}/{boot.name}'
    ours, theirs = cases(boot, rust), cases(oracle, c)
    result = StageResult(name)
    for case in sorted(ours.keys() | theirs.keys()):
        difference = _listed(case, boot.arch, known)
        problem = _judge(case, ours.get(case), theirs.get(case), difference)
        label = f'{name}/{case}'
        if problem:
            result.outcomes.append(failed(label, problem))
            continue
        reason = difference.reason if difference else ''
        result.outcomes.append(passed(label, reason))
        if difference and difference.c is Status.FAILED:
            c.outcomes = [o for o in c.outcomes
                          if o.name != f'{oracle.key}/{case}']
    return result
