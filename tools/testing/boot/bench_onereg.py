# SPDX-License-Identifier: GPL-2.0
"""``bench`` of RISC-V KVM's ONE_REG: instructions of the machine that KVM runs on.

The clock ticks once for each instruction, so that a boot of each is enough;
what all operations have in common, entering and leaving the kernel, is told
with the register that does not exist.
"""

from __future__ import annotations

from typing import Iterable

from boot import bench, tests_onereg
from boot.bench import DRIVERS, Bench, Wanted
from boot.builder import Kernel
from boot.figures import Section, section

TITLE = 'RISC-V KVM ONE_REG: the Rust code and the C code'
NOTE = ('Instructions of the machine that KVM runs on, under emulation (TCG) '
        'with -icount: the least of seven rounds of fifty. They compare the '
        'two and are no cycles of any hardware. `no-such-register` is an '
        'ioctl that finds no register, and so what every other line has in it.')


def kernels(_wanted: Wanted) -> list[Kernel]:
    """Those that have to be built."""
    return [Kernel(tests_onereg.ARCH, 'plain')]


def sections(runs: Bench) -> Iterable[Section]:
    """One table."""
    figures = {driver: [runs.boot(tests_onereg.bench(driver)).figures['onereg']]
               for driver in DRIVERS}
    yield section('instructions', 'Instructions per operation', figures)


PIECE = bench.Piece(tests_onereg.ARCH, TITLE, lambda _wanted: NOTE, kernels,
                    sections)
