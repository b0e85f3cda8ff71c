# SPDX-License-Identifier: GPL-2.0
"""Fuzzes what a device can send, with libFuzzer, for a bounded time."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Iterable, Sequence

from boot.hoststage import run_logged
from boot.paths import Layout, MissingInput
from boot.results import Outcome, StageResult, Status, failed, passed, skipped

NAME = 'host/fuzz'
#: Of each target, in a run of all tests.
CHECK_SECONDS = 2
#: Longer inputs tell nothing that these do not.
_MAX_LEN = 1024
#: What the compiler adds for libFuzzer to see which code an input reaches.
_FLAGS = ('-Cpasses=sancov-module',
          '-Cllvm-args=-sanitizer-coverage-level=4',
          '-Cllvm-args=-sanitizer-coverage-inline-8bit-counters',
          '-Cllvm-args=-sanitizer-coverage-pc-table',
          '-Cllvm-args=-sanitizer-coverage-trace-compares')
_COUNTERS = re.compile(r'^INFO: Loaded \d+ modules\s+\((\d+) inline 8-bit')
_EXECUTED = re.compile(r'^stat::number_of_executed_units:\s+(\d+)$')
_COVERED = re.compile(r'\bcov: (\d+)\b')


def _workspace(layout: Layout) -> Path:
    return layout.repo / 'tools' / 'testing' / 'host'


def corpora(layout: Layout) -> list[Path]:
    """The folders of kept inputs, each named as its target."""
    folder = _workspace(layout) / 'fuzz' / 'corpus'
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _host_triple() -> str:
    told = subprocess.run(('rustc', '-vV'), check=True, capture_output=True,
                          text=True).stdout
    for line in told.splitlines():
        if line.startswith('host: '):
            return line.removeprefix('host: ')
    raise MissingInput('rustc -vV names no host')


def _build(layout: Layout, compiler: str, log: Path,
           watch: Callable[[str], None]) -> tuple[Path, list[str]]:
    """Builds all targets; returns where they are, and the end of a failure."""
    triple = _host_triple()
    target = layout.cache / 'cargo' / 'fuzz'
    # A --target keeps the flags away from build scripts, which have no
    # libFuzzer that the added code could call.
    argv = ('cargo', 'build', '-p', 'fuzz', '--bins', '--profile', 'fuzz',
            '--features', 'libfuzzer', '--target', triple, '--color', 'never')
    env = {**os.environ, 'CXX': compiler, 'CARGO_TARGET_DIR': str(target),
           'RUSTFLAGS': ' '.join(_FLAGS)}
    status, lines = run_logged(argv, _workspace(layout), log, env, watch)
    return target / triple / 'fuzz', lines[-40:] if status else []


def judge(name: str, status: int, lines: Iterable[str]) -> Outcome:
    """What the output of one program comes to."""
    lines = list(lines)
    label = f'{NAME}/{name}'
    counters = executed = covered = 0
    for line in lines:
        if match := _COUNTERS.match(line):
            counters = int(match.group(1))
        elif match := _EXECUTED.match(line):
            executed = int(match.group(1))
        elif match := _COVERED.search(line):
            covered = int(match.group(1))
    if status != 0:
        return failed(label, f'exit status {status}\n' + '\n'.join(lines[-40:]))
    if not counters or not covered or not executed:
        # Without them libFuzzer is a random generator, and says nothing.
        return failed(label, f'{executed} inputs run, {covered} of {counters} '
                      'counters seen')
    return passed(label, f'{executed} inputs, {covered} places')


def _run(program: Path, corpus: Path, seconds: int, logs: Path,
         watch: Callable[[str], None]) -> Outcome:
    """Runs one target; what it finds in passing is not kept."""
    name = corpus.name
    with tempfile.TemporaryDirectory(prefix='rv-fuzz-') as scratch:
        argv = (str(program), f'-max_total_time={seconds}',
                f'-max_len={_MAX_LEN}', '-timeout=5', '-rss_limit_mb=512',
                '-print_final_stats=1',
                f'-artifact_prefix={logs}/fuzz-{name}-', scratch, str(corpus))
        status, lines = run_logged(argv, corpus, logs / f'host-fuzz-{name}.log',
                                   {**os.environ}, watch)
    return judge(name, status, lines)


def stage(layout: Layout, logs: Path, seconds: int,
          watch: Callable[[str], None]) -> StageResult:
    """All targets, each for some seconds."""
    started = time.monotonic()
    log = logs / 'host-fuzz.log'
    compiler = shutil.which('clang++') or shutil.which('c++')
    if compiler is None:
        return StageResult(NAME, [skipped(f'{NAME}/build',
                                          'libFuzzer needs a C++ compiler')])
    programs, errors = _build(layout, compiler, log, watch)
    if errors:
        outcomes = [failed(f'{NAME}/build', '\n'.join(errors))]
    else:
        with ThreadPoolExecutor(max(1, min(4, os.cpu_count() or 1))) as pool:
            outcomes = list(pool.map(
                lambda corpus: _run(programs / corpus.name, corpus, seconds,
                                    logs, watch), corpora(layout)))
    outcomes = [Outcome(o.name, o.status, o.detail, 'make fuzz')
                for o in outcomes]
    return StageResult(NAME, outcomes, time.monotonic() - started, str(log))


def _shrink(program: Path, corpus: Path, found: Path) -> int:
    """Replaces a corpus by the fewest inputs that reach the same code."""
    with tempfile.TemporaryDirectory(prefix='rv-fuzz-') as scratch:
        # How often code is reached says little here, and makes many files.
        argv = (str(program), '-merge=1', '-use_counters=0', scratch,
                str(corpus), str(found))
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        for old in corpus.iterdir():
            old.unlink()
        kept = sorted(Path(scratch).iterdir())
        for new in kept:
            shutil.copyfile(new, corpus / new.name)
    return len(kept)


def _grow(program: Path, corpus: Path, seconds: int, logs: Path) -> bool:
    """Runs one target for long and keeps what it finds."""
    with tempfile.TemporaryDirectory(prefix='rv-fuzz-') as scratch:
        argv: Sequence[str] = (
            str(program), f'-max_total_time={seconds}', f'-max_len={_MAX_LEN}',
            '-timeout=5', f'-artifact_prefix={logs}/fuzz-{corpus.name}-',
            '-print_final_stats=1', scratch, str(corpus))
        status, lines = run_logged(argv, corpus,
                                   logs / f'fuzz-{corpus.name}.log',
                                   {**os.environ}, lambda line: None)
        outcome = judge(corpus.name, status, lines)
        good = outcome.status is Status.PASSED
        kept = _shrink(program, corpus, Path(scratch)) if good else 0
    print(f'{outcome.name}: {outcome.status.value}: {outcome.detail}'
          + (f', {kept} kept' if good else ''))
    return good


def run(layout: Layout, seconds: int) -> int:
    """``fuzz``: each target for long, and the corpora made anew."""
    compiler = shutil.which('clang++') or shutil.which('c++')
    if compiler is None:
        raise MissingInput('libFuzzer needs a C++ compiler')
    logs = layout.results / f'{time.strftime("%Y%m%d-%H%M%S")}-fuzz'
    programs, errors = _build(layout, compiler, logs / 'build.log', print)
    if errors:
        return 1
    good = [_grow(programs / corpus.name, corpus, seconds, logs)
            for corpus in corpora(layout)]
    print(f'Logs and whatever broke a target: {logs}')
    return 0 if good and all(good) else 1
