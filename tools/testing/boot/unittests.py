# SPDX-License-Identifier: GPL-2.0
"""Runs the unittest files of a directory and writes the outcomes as JSON.

    python3 -m boot.unittests DIRECTORY TOP OUTCOMES.json
"""

from __future__ import annotations

import json
import sys
import traceback
import unittest
from pathlib import Path
from types import TracebackType
from typing import Any

_Error = (tuple[type[BaseException], BaseException, TracebackType]
          | tuple[None, None, None])


class CollectingResult(unittest.TextTestResult):
    """Keeps one record per test beside what is printed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.records: dict[str, tuple[str, str]] = {}

    def _keep(self, test: unittest.TestCase, status: str, detail: str) -> None:
        known = self.records.get(test.id())
        if known is None or known[0] != 'failed':
            self.records[test.id()] = (status, detail)

    def _keep_error(self, test: unittest.TestCase, error: _Error) -> None:
        self._keep(test, 'failed', ''.join(traceback.format_exception(*error)))

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self._keep(test, 'passed', '')

    def addFailure(self, test: unittest.TestCase, err: _Error) -> None:
        super().addFailure(test, err)
        self._keep_error(test, err)

    def addError(self, test: unittest.TestCase, err: _Error) -> None:
        super().addError(test, err)
        self._keep_error(test, err)

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase,
                   err: _Error | None) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._keep_error(test, err)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self._keep(test, 'skipped', reason)

    def addExpectedFailure(self, test: unittest.TestCase,
                           err: _Error) -> None:
        super().addExpectedFailure(test, err)
        self._keep(test, 'passed', '')

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        super().addUnexpectedSuccess(test)
        self._keep(test, 'failed', 'succeeded, although expected to fail')


def main(directory: str, top: str, answer: str) -> int:
    """Runs all tests; 0 only if there were some and none failed."""
    suite = unittest.defaultTestLoader.discover(directory, top_level_dir=top)
    runner = unittest.TextTestRunner(resultclass=CollectingResult, verbosity=2)
    result = runner.run(suite)
    assert isinstance(result, CollectingResult)
    records = [{'name': name, 'status': status, 'detail': detail}
               for name, (status, detail) in result.records.items()]
    Path(answer).write_text(json.dumps(records), encoding='utf-8')
    return 0 if records and result.wasSuccessful() else 1


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:4]))
