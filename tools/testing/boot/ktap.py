# SPDX-License-Identifier: GPL-2.0
"""Reads KTAP with the parser that the kernel tree itself brings along."""

from __future__ import annotations

import importlib
import io
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Iterable

from boot.results import Outcome, failed, passed, skipped


def load_parser(tree: Path) -> ModuleType:
    """Imports kunit_parser from a kernel tree.

    The parser imports its neighbours by their plain names, so its directory
    has to be on the search path.
    """
    directory = str(tree / 'tools' / 'testing' / 'kunit')
    if directory not in sys.path:
        sys.path.append(directory)
    return importlib.import_module('kunit_parser')


def _complaints(output: str) -> list[str]:
    """The parser tells of malformed KTAP only in what it prints."""
    marker = '[ERROR] Test: '
    return [line.split(marker, 1)[1] for line in output.splitlines()
            if marker in line]


def _leaf(parser: Any, test: Any, name: str) -> Outcome:
    """The outcome of a test that has no subtests."""
    status = parser.TestStatus
    if test.status == status.SUCCESS:
        return passed(name)
    if test.status == status.SKIPPED:
        return skipped(name, test.skip_reason)
    diagnostics = '\n'.join(line.strip() for line in test.log[-20:])
    what = {status.TEST_CRASHED: 'crashed or ended early',
            status.NO_TESTS: 'ran no tests'}.get(test.status, '')
    return failed(name, '\n'.join(filter(None, (what, diagnostics)))
                  or 'reported as not ok')


def _flatten(parser: Any, test: Any, prefix: str) -> list[Outcome]:
    """All leaves below a test, and the test itself where only it failed."""
    outcomes: list[Outcome] = []
    for number, child in enumerate(test.subtests, start=1):
        label = child.name.strip() or f'case-{number}'
        name = f'{prefix}.{label}' if prefix else label
        if not child.subtests:
            outcomes.append(_leaf(parser, child, name))
            continue
        below = _flatten(parser, child, name)
        outcomes.extend(below)
        own_failure = child.status == parser.TestStatus.FAILURE
        if own_failure and not any(o.status.value == 'failed' for o in below):
            outcomes.append(failed(name, 'not ok, although all its cases are'))
    return outcomes


def parse(parser: ModuleType, lines: Iterable[str],
          prefix: str = '') -> list[Outcome]:
    """One outcome per leaf in the KTAP found in ``lines``.

    KTAP that is missing, cut short or malformed is a failed outcome too.
    """
    printed = io.StringIO()
    printer_module = sys.modules[parser.Printer.__module__]
    printer = printer_module.Printer(output=printed)
    top = parser.parse_run_tests(list(lines), printer)
    outcomes = _flatten(parser, top, prefix)
    complaints = _complaints(printed.getvalue())
    name = f'{prefix}.ktap' if prefix else 'ktap'
    if complaints:
        outcomes.append(failed(name, '\n'.join(complaints)))
    elif not outcomes:
        outcomes.append(failed(name, 'no test results'))
    return outcomes
