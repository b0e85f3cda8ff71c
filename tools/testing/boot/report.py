# SPDX-License-Identifier: GPL-2.0
"""Tells how a run goes, and what it came to."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import IO

from boot.results import Outcome, StageResult, Status, Totals

_COLOURS = {Status.PASSED: '32', Status.FAILED: '31', Status.SKIPPED: '33'}
_CLEAR_LINE = '\r\x1b[K'
# Twice a second is enough for eyes, and cheap.
_REFRESH_SECONDS = 0.5


class Reporter:
    """Prints stages as they end, with a status line while they run.

    On a terminal the last line shows what is running; otherwise there are
    only plain lines.
    """

    def __init__(self, out: IO[str] = sys.stdout) -> None:
        self._out = out
        self._tty = out.isatty()
        self._lock = threading.Lock()
        self._running: dict[str, tuple[float, str]] = {}
        self._drawn = 0.0
        self.stages: list[StageResult] = []

    def _colour(self, status: Status, text: str) -> str:
        return f'\x1b[{_COLOURS[status]}m{text}\x1b[0m' if self._tty else text

    def _line(self, text: str) -> None:
        clear = _CLEAR_LINE if self._tty else ''
        print(f'{clear}{text}', file=self._out, flush=True)

    def start(self, name: str) -> None:
        """A stage begins."""
        with self._lock:
            self._running[name] = (time.monotonic(), '')
            if not self._tty:
                self._line(f'[start] {name}')

    def watch(self, name: str, line: str) -> None:
        """Something was said in a stage; the status line shows the latest."""
        now = time.monotonic()
        with self._lock:
            if not self._tty or name not in self._running:
                return
            self._running[name] = (self._running[name][0], line)
            if now - self._drawn < _REFRESH_SECONDS:
                return
            self._drawn = now
            parts = [f'{stage} {now - began:.0f}s'
                     for stage, (began, _) in self._running.items()]
            text = f'{", ".join(parts)}: {line.strip()}'[:100]
            self._out.write(f'{_CLEAR_LINE}{text}')
            self._out.flush()

    def finish(self, stage: StageResult) -> None:
        """A stage has ended: its failures in full, its skips with reasons."""
        with self._lock:
            self._running.pop(stage.name, None)
            self.stages.append(stage)
            totals = Totals.of(stage.outcomes)
            status = Status.FAILED if totals.failed else Status.PASSED
            word = self._colour(status, '[FAIL]' if totals.failed else '[ ok ]')
            self._line(f'{word} {stage.name}: {totals} '
                       f'({stage.seconds:.1f} s)')
            for outcome in stage.outcomes:
                if outcome.status is not Status.PASSED:
                    self._tell(outcome)
            if totals.failed and stage.log:
                self._line(f'       log: {stage.log}')

    def _tell(self, outcome: Outcome) -> None:
        word = self._colour(outcome.status, outcome.status.value)
        detail = outcome.detail.replace('\n', '\n         ')
        self._line(f'       {word} {outcome.name}: {detail}')
        if outcome.status is Status.FAILED and outcome.reproduce:
            self._line(f'         again: {outcome.reproduce}')

    def outcomes(self) -> list[Outcome]:
        """Everything so far."""
        return [o for stage in self.stages for o in stage.outcomes]

    def write_json(self, path: Path, command: str) -> None:
        """The whole run for programs to read."""
        totals = Totals.of(self.outcomes())
        content = {'command': command, 'passed': totals.passed,
                   'failed': totals.failed, 'skipped': totals.skipped,
                   'seconds': round(sum(s.seconds for s in self.stages), 2),
                   'stages': [stage.as_json() for stage in self.stages]}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1) + '\n', encoding='utf-8')

    def summary(self, wall_seconds: float, json_path: Path) -> int:
        """Times, the failures once more, and the last line of everything."""
        totals = Totals.of(self.outcomes())
        self._line('')
        self._line('Time of each stage:')
        for stage in self.stages:
            self._line(f'  {stage.seconds:7.1f} s  {stage.name}')
        self._line(f'  {wall_seconds:7.1f} s  in all')
        failures = [o for o in self.outcomes() if o.status is Status.FAILED]
        if failures:
            self._line('')
            self._line('Failed:')
        for outcome in failures:
            self._line(f'  {outcome.name}')
            if outcome.reproduce:
                self._line(f'    again: {outcome.reproduce}')
        self._line(f'Results: {json_path}')
        self._line(str(totals))
        return totals.exit_status
