# SPDX-License-Identifier: GPL-2.0
"""The tests that need no guest: cargo on the host and the tools' own tests."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Callable, Iterable, Mapping, Sequence

from boot import procs
from boot.paths import Layout
from boot.results import (NO_REASON, Outcome, StageResult, Status, Totals, failed, passed,
                          skipped)

_RUNNING = re.compile(r'^\s*Running .*\((?:.*/)?(.+?)-[0-9a-f]{16}(?:\.exe)?\)$')
_DOCTESTS = re.compile(r'^\s*Doc-tests (\S+)$')
_CASE = re.compile(r'^test (.+?) \.\.\. (ok|FAILED|ignored)(?:, (.*))?$')
_RESULT = re.compile(r'^test result: \w+\. (\d+) passed; (\d+) failed; '
                     r'(\d+) ignored;')
_SHOULD_PANIC = ' - should panic'
_TAIL = 40

CARGO_TEST = ('cargo', 'test', '--workspace', '--no-fail-fast',
              '--color', 'never')


def _cargo_case(label: str, verdict: str, reason: str) -> Outcome:
    if verdict == 'ok':
        return passed(label)
    if verdict == 'ignored':
        return skipped(label, reason)
    return failed(label, 'see the log')


def parse_cargo(lines: Iterable[str], prefix: str) -> list[Outcome]:
    """The outcomes in what ``cargo test`` printed.

    Its own sums are compared with the lines read, so that a test whose line
    was garbled by its own output is not lost silently.
    """
    outcomes: list[Outcome] = []
    binary = 'unknown'
    sums = Totals(0, 0, 0)
    for line in lines:
        if match := _RUNNING.match(line) or _DOCTESTS.match(line):
            binary = match.group(1)
        elif match := _CASE.match(line):
            name, verdict, reason = match.groups()
            label = f'{prefix}/{binary}::{name.removesuffix(_SHOULD_PANIC)}'
            outcomes.append(_cargo_case(label, verdict, reason or ''))
        elif match := _RESULT.match(line):
            good, bad, ignored = map(int, match.groups())
            sums = Totals(sums.passed + good, sums.failed + bad,
                          sums.skipped + ignored)
    without_reason = sum(o.detail == NO_REASON for o in outcomes)
    found = Totals.of(outcomes)
    counted = Totals(found.passed, found.failed - without_reason,
                     found.skipped + without_reason)
    if counted != sums:
        outcomes.append(failed(f'{prefix}/sum', f'cargo says {sums}, '
                               f'its lines say {counted}'))
    return outcomes


def run_logged(argv: Sequence[str], cwd: Path, log: Path,
               env: Mapping[str, str], watch: Callable[[str], None],
               ) -> tuple[int, list[str]]:
    """Runs a program; its output goes to a log and to the caller."""
    log.parent.mkdir(parents=True, exist_ok=True)
    process = procs.TABLE.start(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env=env, cwd=str(cwd))
    lines: list[str] = []
    try:
        assert process.stdout is not None
        with log.open('w', encoding='utf-8') as out:
            for raw in process.stdout:
                line = raw.decode('utf-8', errors='replace').rstrip('\n')
                out.write(line + '\n')
                lines.append(line)
                watch(line)
        return process.wait(), lines
    finally:
        procs.TABLE.stop(process)
        if process.stdout is not None:
            process.stdout.close()


def cargo_environment(layout: Layout) -> dict[str, str]:
    """Build products go to the cache, not into the repository."""
    target = layout.cache / 'cargo' / 'target'
    return {**os.environ, 'CARGO_TERM_COLOR': 'never',
            'CARGO_TARGET_DIR': os.environ.get('CARGO_TARGET_DIR', str(target))}


def cargo(layout: Layout, logs: Path, crates: Sequence[str],
          watch: Callable[[str], None]) -> StageResult:
    """The cargo workspace of the pure Rust files, or some crates of it."""
    name = 'host/cargo'
    started = time.monotonic()
    log = logs / 'host-cargo.log'
    workspace = layout.repo / 'tools' / 'testing' / 'host'
    argv = list(CARGO_TEST)
    if crates:
        argv[2:3] = [word for crate in crates for word in ('-p', crate)]
    status, lines = run_logged(argv, workspace, log, cargo_environment(layout),
                               watch)
    outcomes = parse_cargo(lines, name)
    if not any(o.status is Status.FAILED for o in outcomes) and (
            status != 0 or not outcomes):
        tail = '\n'.join(lines[-_TAIL:])
        outcomes.append(failed(f'{name}/build',
                               f'exit status {status}\n{tail}'))
    outcomes = [replace(o, reproduce='make check-host') for o in outcomes]
    return StageResult(name, outcomes, time.monotonic() - started, str(log))


def unittests(layout: Layout, logs: Path, label: str, directory: Path,
              top: Path, watch: Callable[[str], None]) -> StageResult:
    """The Python tests of one directory, in a process of their own."""
    name = f'host/{label}'
    started = time.monotonic()
    log = logs / f'host-{label}.log'
    package = str(layout.repo / 'tools' / 'testing')
    env = {**os.environ, 'PYTHONPATH': package, 'PYTHONDONTWRITEBYTECODE': '1'}
    with tempfile.TemporaryDirectory(prefix='rv-unittest-') as scratch:
        answer = Path(scratch) / 'outcomes.json'
        argv = [sys.executable, '-m', 'boot.unittests', str(directory),
                str(top), str(answer)]
        status, lines = run_logged(argv, layout.repo, log, env, watch)
        try:
            found = json.loads(answer.read_text(encoding='utf-8'))
        except (OSError, ValueError):
            found = []
    outcomes = [Outcome(f'{name}/{item["name"]}', Status(item['status']),
                        item['detail'], 'make check-host') for item in found]
    bad = any(o.status is Status.FAILED for o in outcomes)
    if not outcomes or (status != 0 and not bad):
        outcomes.append(failed(f'{name}/run', f'exit status {status}\n'
                               + '\n'.join(lines[-_TAIL:])))
    return StageResult(name, outcomes, time.monotonic() - started, str(log))
