# SPDX-License-Identifier: GPL-2.0
"""``bench`` of arm64 KVM's stage 2: instructions at EL2 for a fault.

The clock ticks once for each instruction, so that a boot of each is enough.
What the guest takes for its own loads is subtracted.
"""

from __future__ import annotations

from typing import Iterable

from boot import bench, tests_stage2
from boot.bench import DRIVERS, Bench, Wanted
from boot.builder import Kernel
from boot.figures import Section, section

TITLE = 'arm64 KVM, faults at stage 2: the Rust policy and the C rules'
NOTE = ('Instructions of the machine that KVM runs on, under emulation (TCG) '
        'with -icount: the least of seven rounds, for one of the faults that '
        'a guest takes when it touches each page of 2 MiB. Both are of the '
        'same kernel. They compare the two and are no cycles of any hardware. '
        'Nothing is said of how fast a guest can write to a device: the '
        'emulation combines no writes.')


def kernels(_wanted: Wanted) -> list[Kernel]:
    """Those that have to be built."""
    return [Kernel(tests_stage2.ARCH, 'plain')]


def sections(runs: Bench) -> Iterable[Section]:
    """How long a fault takes, and how many there are."""
    said = {driver: [runs.boot(tests_stage2.bench(driver))]
            for driver in DRIVERS}
    for kind, title in (('stage2', 'Instructions per fault'),
                        ('stage2-faults', 'Faults of 2 MiB')):
        yield section(kind, title,
                      {driver: [run.figures[kind] for run in found]
                       for driver, found in said.items()})


PIECE = bench.Piece(tests_stage2.ARCH, TITLE, lambda _wanted: NOTE, kernels,
                    sections)
