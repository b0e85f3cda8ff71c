# SPDX-License-Identifier: GPL-2.0
"""``bench``: the Rust driver and the C driver, on the same kernel, in one run.

Times come from boots that take turns, so that a change of the host's load
meets both; what is told is the ratio of the medians and how far the ratios of
the single rounds lie apart.  Requests are counted at the device, from QEMU's
trace, in a boot of their own: tracing takes time.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from boot import accel, protocol, runner, tests_viommu, trace
from boot.paths import Layout, MissingInput
from boot.results import Status

ARCH = 'x86_64'
FLAVOUR = 'plain'
DRIVERS = ('c', 'rust')
_FIGURE = protocol.OUTPUT + 'figure '
_MEASURE = protocol.OUTPUT + 'measure '


@dataclass
class Run:
    """What one boot said."""

    figures: dict[str, float] = field(default_factory=dict)
    #: The number under which a measurement stands in the trace.
    numbers: dict[int, str] = field(default_factory=dict)

    def listen(self, line: str) -> None:
        """Takes one line of the console."""
        text = protocol.strip_prefix(line)
        if text.startswith(_FIGURE):
            name, value = text.removeprefix(_FIGURE).split()
            self.figures[name] = float(value)
        elif text.startswith(_MEASURE):
            number, name = text.removeprefix(_MEASURE).split()
            self.numbers[int(number)] = name


@dataclass(frozen=True)
class Comparison:
    """One figure of both drivers; ``spread`` is the ratio in single rounds."""

    name: str
    c: float
    rust: float
    spread: tuple[float, float]

    @property
    def ratio(self) -> float:
        """Below 1 the Rust driver does with less."""
        return self.rust / self.c if self.c else float('inf')


def compare(c: Sequence[dict[str, float]],
            rust: Sequence[dict[str, float]]) -> list[Comparison]:
    """The figures that every run has, in the order of the first."""
    names = [name for name in c[0]
             if all(name in run for run in (*c, *rust))]
    found = []
    for name in names:
        theirs, ours = ([run[name] for run in runs] for runs in (c, rust))
        ratios = [o / t if t else float('inf') for o, t in zip(ours, theirs)]
        found.append(Comparison(name, median(theirs), median(ours),
                                (min(ratios), max(ratios))))
    return found


class Bench:
    """One run of ``bench``."""

    def __init__(self, layout: Layout, rounds: int, append: str,
                 use_kvm: bool) -> None:
        chosen = accel.choose_for(layout, ARCH, FLAVOUR, use_kvm)
        self.logs = layout.results / time.strftime('bench-%Y%m%d-%H%M%S')
        self.logs.mkdir(parents=True, exist_ok=True)
        self._settings = runner.Settings(layout, self.logs, {ARCH: chosen})
        self._rounds = rounds
        self._append = append

    def _run(self, driver: str, name: str, append: str = '',
             arguments: tuple[str, ...] = ()) -> Run:
        print(f'{name} ...', file=sys.stderr, flush=True)
        boot = tests_viommu.bench(driver, name, f'{self._append} {append}',
                                  arguments)
        said = Run()
        result = runner.run(boot, self._settings, said.listen)
        for outcome in result.outcomes:
            if outcome.status is Status.FAILED:
                raise MissingInput(f'{outcome.name}: {outcome.detail}\n'
                                   f'log: {result.log}')
        return said

    def times(self) -> list[Comparison]:
        """Microseconds per operation."""
        runs: dict[str, list[dict[str, float]]] = {d: [] for d in DRIVERS}
        for turn in range(self._rounds):
            order = DRIVERS if turn % 2 == 0 else DRIVERS[::-1]
            for driver in order:
                run = self._run(driver, f'time-{turn + 1}-{driver}')
                runs[driver].append(run.figures)
        return compare(runs['c'], runs['rust'])

    def requests(self) -> list[Comparison]:
        """Requests of each kind that one operation costs at the device."""
        counted = {}
        for driver in DRIVERS:
            log = self.logs / f'{driver}.trace'
            run = self._run(driver, f'count-{driver}', 'rv.bench=count',
                            trace.arguments(log))
            with log.open(encoding='utf-8', errors='replace') as lines:
                counted[driver] = trace.per_operation(lines, run.numbers)
            log.unlink()
        return compare([counted['c']], [counted['rust']])


def _print(console: Console, title: str,
           comparisons: Iterable[Comparison]) -> None:
    table = Table(title=title, title_justify='left')
    table.add_column('')
    for column in ('C', 'Rust', 'Rust/C', 'in single rounds'):
        table.add_column(column, justify='right')
    for item in comparisons:
        low, high = item.spread
        table.add_row(item.name, f'{item.c:.2f}', f'{item.rust:.2f}',
                      f'{item.ratio:.2f}', f'{low:.2f} .. {high:.2f}')
    console.print(table)


def run(layout: Layout, rounds: int, append: str, use_kvm: bool) -> int:
    """Measures and tells; the exit status is about the boots, not the ratios."""
    bench = Bench(layout, rounds, append, use_kvm)
    requests, times = bench.requests(), bench.times()
    console = Console(width=100)
    _print(console, 'Requests at the device per operation', requests)
    _print(console, f'Microseconds, median of {rounds} rounds', times)
    _write(bench.logs / 'figures.json', requests, times)
    return 0


def _write(path: Path, requests: Iterable[Comparison],
           times: Iterable[Comparison]) -> None:
    content = {kind: [{'name': c.name, 'c': c.c, 'rust': c.rust,
                       'ratio': c.ratio, 'spread': c.spread} for c in some]
               for kind, some in (('requests', requests), ('times', times))}
    path.write_text(json.dumps(content, indent=1) + '\n', encoding='utf-8')
    print(f'Figures: {path}')
