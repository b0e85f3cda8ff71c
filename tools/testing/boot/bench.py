# SPDX-License-Identifier: GPL-2.0
"""``bench``: the Rust driver and the C driver, on the same kernel, in one run.

Times come from boots that take turns, so that a change of the host's load
meets both; what is told is the ratio of the medians and how far the ratios of
the single rounds lie apart.  All else comes from boots of its own, since to
count takes time: instructions where the clock ticks by them, requests and
notifications at the device, from QEMU's trace, allocations and the longest
time without interrupts from tracers of the kernel.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Mapping

from rich.console import Console

from boot import accel, benchreport, runner, tests_viommu, trace
from boot.builder import Kernel
from boot.figures import Caller, Figures, Run, Section, scaled, section
from boot.paths import Layout, MissingInput
from boot.results import Status

ARCH = 'x86_64'
DRIVERS = ('c', 'rust')
MODES: Mapping[str, str] = {'lazy': 'iommu.strict=0',
                            'strict': 'iommu.strict=1'}
# With a clock of one instruction per nanosecond.
_INSTRUCTIONS_PER_US = 1000.0


@dataclass(frozen=True)
class Kind:
    """What a boot measures, and the kernel for it."""

    flavour: str
    icount: bool = False
    #: QEMU says what reaches the device.
    traced: bool = False


KINDS: Mapping[str, Kind] = {
    'count': Kind('trace', traced=True),
    'instructions': Kind('plain', icount=True),
    'irqs-off': Kind('trace', icount=True),
    'time': Kind('plain'),
}


@dataclass(frozen=True)
class Wanted:
    """What the person asked for."""

    rounds: int
    modes: tuple[str, ...] = tuple(MODES)
    kinds: tuple[str, ...] = tuple(KINDS)
    append: str = ''
    use_kvm: bool = True

    def kernels(self) -> list[Kernel]:
        """Those that have to be built."""
        flavours = {KINDS[kind].flavour for kind in self.kinds}
        return [Kernel(ARCH, flavour) for flavour in sorted(flavours)]


def _by_driver(runs: Mapping[str, Run], kind: str) -> dict[str, list[Figures]]:
    return {driver: [run.figures[kind]] for driver, run in runs.items()}


def _callers(runs: Mapping[str, Run], kind: str) -> dict[str, list[Caller]]:
    return {driver: run.callers[kind] for driver, run in runs.items()}


class Bench:
    """One run of ``bench``."""

    def __init__(self, layout: Layout, wanted: Wanted) -> None:
        chosen = accel.choose_for(layout, ARCH, wanted.kernels()[0].flavour,
                                  wanted.use_kvm)
        self.logs = layout.results / time.strftime('bench-%Y%m%d-%H%M%S')
        self.logs.mkdir(parents=True, exist_ok=True)
        self._settings = runner.Settings(layout, self.logs, {ARCH: chosen})
        self._wanted = wanted

    def _run(self, kind: str, mode: str, driver: str, name: str = '',
             qemu: tuple[str, ...] = ()) -> Run:
        name = name or f'{kind}-{mode}-{driver}'
        print(f'{name} ...', end=' ', file=sys.stderr, flush=True)
        what = KINDS[kind]
        append = f'{MODES[mode]} {self._wanted.append} rv.bench={kind}'
        boot = tests_viommu.bench(driver, name, append, what.flavour,
                                  what.icount, qemu)
        said = Run()
        result = runner.run(boot, self._settings, said.listen)
        print(f'{result.seconds:.0f} s', file=sys.stderr, flush=True)
        for outcome in result.outcomes:
            if outcome.status is Status.FAILED:
                raise MissingInput(f'{outcome.name}: {outcome.detail}\n'
                                   f'log: {result.log}')
        return said

    def _both(self, kind: str, mode: str) -> dict[str, Run]:
        return {driver: self._run(kind, mode, driver) for driver in DRIVERS}

    def times(self, mode: str) -> list[Section]:
        """Microseconds per operation."""
        rounds = self._wanted.rounds
        runs: dict[str, list[Figures]] = {driver: [] for driver in DRIVERS}
        for turn in range(rounds):
            order = DRIVERS if turn % 2 == 0 else DRIVERS[::-1]
            for driver in order:
                run = self._run('time', mode, driver,
                                f'time-{mode}-{turn + 1}-{driver}')
                runs[driver].append(run.figures['time'])
        return [section(f'time-{mode}', f'Microseconds, {mode}, median of '
                        f'{rounds} rounds', runs)]

    def instructions(self, mode: str) -> list[Section]:
        """Guest instructions per operation."""
        runs = self._both('instructions', mode)
        figures = {driver: [scaled(run.figures['time'], _INSTRUCTIONS_PER_US)]
                   for driver, run in runs.items()}
        return [section(f'instructions-{mode}',
                        f'Instructions per operation, {mode}', figures)]

    def irqs_off(self, mode: str) -> list[Section]:
        """The longest time without interrupts."""
        runs = self._both('irqs-off', mode)
        return [section(f'irqs-off-{mode}', 'Longest time with interrupts off, '
                        f'in thousands of instructions, {mode}',
                        _by_driver(runs, 'irqs-off'),
                        _callers(runs, 'irqs-off'))]

    def count(self, mode: str) -> list[Section]:
        """What one operation costs at the device and at the allocators."""
        runs, requests, notifications = {}, {}, {}
        for driver in DRIVERS:
            log = self.logs / f'{mode}-{driver}.trace'
            run = self._run('count', mode, driver,
                            qemu=trace.arguments(log))
            with log.open(encoding='utf-8', errors='replace') as lines:
                found = trace.per_operation(trace.count(lines), run.numbers)
            log.unlink()
            runs[driver] = run
            requests[driver], notifications[driver] = [found[0]], [found[1]]
        return [
            section(f'requests-{mode}',
                    f'Requests at the device per operation, {mode}', requests),
            section(f'notifications-{mode}', 'Notifications of the device per '
                    f'map and unmap, {mode}', notifications),
            section(f'allocations-{mode}', 'Allocations below the driver per '
                    f'operation, {mode}', _by_driver(runs, 'slab'),
                    _callers(runs, 'slab')),
            section(f'pages-{mode}', 'Page allocations below the driver per '
                    f'operation, {mode}', _by_driver(runs, 'pages'),
                    _callers(runs, 'pages')),
        ]

    def sections(self) -> Iterable[Section]:
        """All that was asked for, as it is measured."""
        measure = {'count': self.count, 'instructions': self.instructions,
                   'irqs-off': self.irqs_off, 'time': self.times}
        for kind in self._wanted.kinds:
            for mode in self._wanted.modes:
                yield from measure[kind](mode)


def run(layout: Layout, wanted: Wanted) -> int:
    """Measures and tells; the exit status is about the boots, not the ratios."""
    started = time.monotonic()
    bench = Bench(layout, wanted)
    console = Console(width=100)
    sections: list[Section] = []
    for found in bench.sections():
        benchreport.show(console, found)
        sections.append(found)
        _keep(bench.logs, sections, wanted)
    print(f'Took {(time.monotonic() - started) / 60:.0f} minutes.\n'
          f'Tables, figures and plots: {bench.logs}')
    return 0


def _keep(logs: Path, sections: list[Section], wanted: Wanted) -> None:
    """A run that is stopped leaves what it has."""
    note = f'{wanted.rounds} rounds; kernel parameters: {wanted.append or "-"}.'
    benchreport.write(logs, sections, wanted.rounds, note)
