# SPDX-License-Identifier: GPL-2.0
"""``bench``: Rust and C, on the same kernel, in one run.

What is measured is each piece's own affair: ``bench_viommu`` and
``bench_onereg``.  Here is what they have in common: the boots, and what is
told of them at the end.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterable

from rich.console import Console

from boot import accel, benchreport, runner
from boot.builder import Kernel
from boot.figures import Run, Section
from boot.paths import Layout, MissingInput
from boot.plan import Boot
from boot.results import Status

DRIVERS = ('c', 'rust')


@dataclass(frozen=True)
class Wanted:
    """What the person asked for; empty fields select everything."""

    rounds: int
    modes: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    append: str = ''
    use_kvm: bool = True


@dataclass(frozen=True)
class Piece:
    """What there is to measure of one piece."""

    arch: str
    #: Above all tables, and what one has to know to read them.
    title: str
    note: Callable[[Wanted], str]
    kernels: Callable[[Wanted], list[Kernel]]
    sections: Callable[[Bench], Iterable[Section]]


class Bench:
    """The boots of one run of ``bench``."""

    def __init__(self, layout: Layout, piece: Piece, wanted: Wanted) -> None:
        kernel = piece.kernels(wanted)[0]
        chosen = accel.choose_for(layout, kernel.arch, kernel.flavour,
                                  wanted.use_kvm)
        self.wanted = wanted
        self.logs = layout.results / time.strftime('bench-%Y%m%d-%H%M%S')
        self.logs.mkdir(parents=True, exist_ok=True)
        self._settings = runner.Settings(layout, self.logs,
                                         {kernel.arch: chosen})

    def boot(self, boot: Boot) -> Run:
        """What a boot said; MissingInput if anything in it failed."""
        print(f'{boot.name} ...', end=' ', file=sys.stderr, flush=True)
        said = Run()
        result = runner.run(boot, self._settings, said.listen)
        print(f'{result.seconds:.0f} s', file=sys.stderr, flush=True)
        for outcome in result.outcomes:
            if outcome.status is Status.FAILED:
                raise MissingInput(f'{outcome.name}: {outcome.detail}\n'
                                   f'log: {result.log}')
        return said


def run(layout: Layout, piece: Piece, wanted: Wanted) -> int:
    """Measures and tells; the exit status is about the boots, not the ratios."""
    started = time.monotonic()
    bench = Bench(layout, piece, wanted)
    console = Console(width=100)
    sections: list[Section] = []
    for found in piece.sections(bench):
        benchreport.show(console, found)
        sections.append(found)
        _keep(bench.logs, piece, sections, wanted)
    print(f'Took {(time.monotonic() - started) / 60:.0f} minutes.\n'
          f'Tables, figures and plots: {bench.logs}')
    return 0


def _keep(logs: Path, piece: Piece, sections: list[Section],
          wanted: Wanted) -> None:
    """A run that is stopped leaves what it has."""
    benchreport.write(logs, sections, wanted.rounds,
                      f'# {piece.title}\n\n{piece.note(wanted)}')
