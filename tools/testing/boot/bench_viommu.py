# SPDX-License-Identifier: GPL-2.0
"""``bench`` of the virtio-iommu driver.

Times come from boots that take turns, so that a change of the host's load
meets both; what is told is the ratio of the medians and how far the ratios of
the single rounds lie apart.  All else comes from boots of its own, since to
count takes time: instructions where the clock ticks by them, requests and
notifications at the device, from QEMU's trace, allocations and the longest
time without interrupts from tracers of the kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Mapping

from boot import bench, tests_viommu, trace
from boot.bench import DRIVERS, Bench, Wanted
from boot.builder import Kernel
from boot.figures import Caller, Figures, Run, Section, scaled, section

ARCH = 'x86_64'
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
TITLE = 'virtio-iommu: the Rust driver and the C driver'
NOTE = ('Under emulation (TCG) times compare the two drivers and say nothing '
        'about hardware. Under -icount every instruction takes 1 ns and the '
        'device answers at once, so these figures are the guest\'s own work. '
        'How many requests a scatter list needs depends on the pages that a '
        'boot came by: the figures of sg-* tell as much of that.')


def kernels(wanted: Wanted) -> list[Kernel]:
    """Those that have to be built."""
    flavours = {KINDS[kind].flavour for kind in _kinds(wanted)}
    return [Kernel(ARCH, flavour) for flavour in sorted(flavours)]


def _kinds(wanted: Wanted) -> tuple[str, ...]:
    return wanted.kinds or tuple(KINDS)


def _by_driver(runs: Mapping[str, Run], kind: str) -> dict[str, list[Figures]]:
    return {driver: [run.figures[kind]] for driver, run in runs.items()}


def _callers(runs: Mapping[str, Run], kind: str) -> dict[str, list[Caller]]:
    return {driver: run.callers[kind] for driver, run in runs.items()}


class DriverBench:
    """All that is measured of the driver."""

    def __init__(self, runs: Bench) -> None:
        self._runs = runs
        self._wanted = runs.wanted

    def _run(self, kind: str, mode: str, driver: str, name: str = '',
             qemu: tuple[str, ...] = ()) -> Run:
        what = KINDS[kind]
        append = f'{MODES[mode]} {self._wanted.append} rv.bench={kind}'
        return self._runs.boot(tests_viommu.bench(
            driver, name or f'{kind}-{mode}-{driver}', append, what.flavour,
            what.icount, qemu))

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
            log = self._runs.logs / f'{mode}-{driver}.trace'
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
        for kind in _kinds(self._wanted):
            for mode in self._wanted.modes or MODES:
                yield from measure[kind](mode)


def _note(wanted: Wanted) -> str:
    return (f'{wanted.rounds} rounds; kernel parameters: '
            f'{wanted.append or "-"}.\n\n{NOTE}')


PIECE = bench.Piece(ARCH, TITLE, _note, kernels,
                    lambda runs: DriverBench(runs).sections())
