# SPDX-License-Identifier: GPL-2.0
"""Brings kernels and guest programs up to date before they are booted."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable, Iterable, Iterator

from boot.hoststage import run_logged
from boot.paths import Layout, MissingInput
from boot.results import StageResult, failed, passed

_TAIL = 30

# What boots with each flavour; tools/build itself makes the C oracle.
GUEST_PARTS = {'test': ('programs', 'selftests'), 'plain': ('programs',),
               'trace': ('programs',)}
# The tests of the other architectures need no programs of their own.
GUEST_ARCHES = ('x86_64', 'arm64', 'riscv')


@dataclass(frozen=True, order=True)
class Kernel:
    """One kernel that a run needs."""

    arch: str
    flavour: str

    @property
    def stage(self) -> str:
        """The name of the stage that builds it."""
        return f'build/{self.arch}-{self.flavour}'


def parts(kernel: Kernel) -> tuple[str, ...]:
    """What to build for the guests of a kernel."""
    if kernel.arch not in GUEST_ARCHES:
        return ()
    if kernel == Kernel('riscv', 'plain'):
        # KVM's selftests run on many processors, and so on the quick kernel.
        return GUEST_PARTS['test']
    return GUEST_PARTS.get(kernel.flavour, ())


def steps(layout: Layout, kernel: Kernel) -> list[list[str]]:
    """The commands that bring a kernel and what boots with it up to date.

    A build directory given by hand is taken as it is, but its programs are
    still made.
    """
    build = layout.build(kernel.arch, kernel.flavour)
    commands = []
    if (kernel.arch, kernel.flavour) not in layout.builds:
        commands.append([str(layout.repo / 'tools' / 'build'), kernel.arch,
                         '--flavour', kernel.flavour])
    for part in parts(kernel):
        commands.append([str(layout.guest_sources / 'build'), kernel.arch,
                         '--source', str(_source_of(layout, build)),
                         '--objects', str(build),
                         '--output', str(layout.guest_files(kernel.arch)),
                         '--only', part])
    return commands


def _source_of(layout: Layout, build: Path) -> Path:
    """The tree of a build; before the first build, the cached one."""
    try:
        return layout.kernel_tree(build)
    except MissingInput:
        return layout.cache / 'linux'


def build(layout: Layout, kernel: Kernel, logs: Path,
          watch: Callable[[str], None]) -> StageResult:
    """Runs all steps of one kernel; stops at the first that fails."""
    with _alone(layout, kernel):
        return _build(layout, kernel, logs, watch)


@contextlib.contextmanager
def _alone(layout: Layout, kernel: Kernel) -> Iterator[None]:
    """Two runs may want the same programs at the same time."""
    path = layout.cache / 'guest' / f'{kernel.arch}.lock'
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('w', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(layout: Layout, kernel: Kernel, logs: Path,
           watch: Callable[[str], None]) -> StageResult:
    started = time.monotonic()
    log = logs / (kernel.stage.replace('/', '-') + '.log')
    outcome = passed(kernel.stage)
    everything: list[str] = []
    for argv in steps(layout, kernel):
        try:
            status, lines = run_logged(argv, layout.repo, log, os.environ,
                                       watch)
        except OSError as error:
            status, lines = 1, [str(error)]
        everything += lines
        if status != 0:
            tail = '\n'.join(f'  | {line}' for line in lines[-_TAIL:])
            outcome = failed(kernel.stage, f'{" ".join(argv)}: exit status '
                             f'{status}\n{tail}')
            break
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text('\n'.join(everything) + '\n', encoding='utf-8')
    again = f'make build ARCH={kernel.arch} FLAVOUR={kernel.flavour}'
    return StageResult(kernel.stage, [replace(outcome, reproduce=again)],
                       time.monotonic() - started, str(log))


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def build_for_person(layout: Layout, kernels: Iterable[Kernel]) -> None:
    """Builds with a word about it; MissingInput with the end of the log."""
    for kernel in kernels:
        print(f'Building {kernel.arch}-{kernel.flavour} ...', file=sys.stderr,
              flush=True)
        stage = build(layout, kernel, layout.results / 'build', _tell)
        for outcome in stage.outcomes:
            if outcome.detail:
                raise MissingInput(f'{outcome.detail}\nlog: {stage.log}')
        print(f'Built in {stage.seconds:.0f} s', file=sys.stderr, flush=True)
