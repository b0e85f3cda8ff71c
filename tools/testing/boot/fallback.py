# SPDX-License-Identifier: GPL-2.0
"""Builds of the C files alone, where there is no Rust: what the pieces of KVM
say they leave as it was."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Sequence

from boot.hoststage import run_logged
from boot.paths import Layout, MissingInput
from boot.plan import Selection
from boot.results import Outcome, StageResult, failed, passed

_TAIL = 20


@dataclass(frozen=True)
class Fallback:
    """One configuration without Rust, of which some directories are built."""

    name: str
    piece: str
    arch: str
    #: What gcc is called, as make's CROSS_COMPILE has it.
    cross: str
    #: How the configuration differs, as scripts/config takes it.
    change: tuple[str, ...]
    targets: tuple[str, ...]
    #: Which must not be in the configuration that comes of it.
    symbols: tuple[str, ...]
    #: What the Rust code would take the place of, or would add to.
    objects: tuple[str, ...]

    @property
    def stage(self) -> str:
        """The name that outcomes and logs use."""
        return f'build/{self.name}'

    def make(self, source: Path, output: Path, jobs: int) -> list[str]:
        """The command without its targets."""
        return ['make', '-s', '-C', str(source), f'-j{jobs}', f'O={output}',
                f'ARCH={self.arch}', f'CROSS_COMPILE={self.cross}']


_ONEREG = ('arch/riscv/kvm/isa.o', 'arch/riscv/kvm/vcpu_onereg.o')

#: With gcc there is no Rust for RISC-V, nor is there for 32 bits. On arm64 gcc
#: can have it, so that it is switched off.
ALL = (
    Fallback('riscv-gcc', 'riscv-onereg', 'riscv', 'riscv64-linux-gnu-', (),
             ('arch/riscv/kvm/',), ('KVM_RISCV_ONEREG_RUST',), _ONEREG),
    Fallback('riscv-32', 'riscv-onereg', 'riscv', 'riscv64-linux-gnu-',
             ('-d', 'ARCH_RV64I', '-d', '64BIT', '-e', 'NONPORTABLE',
              '-e', 'ARCH_RV32I'),
             ('arch/riscv/kvm/',), ('KVM_RISCV_ONEREG_RUST', '64BIT'), _ONEREG),
    Fallback('arm64-gcc', 'arm64-stage2', 'arm64', 'aarch64-linux-gnu-',
             ('-d', 'RUST'), ('arch/arm64/kvm/', 'drivers/vfio/pci/'),
             ('KVM_ARM64_S2_POLICY_RUST', 'VFIO_PCI_GRANT_RUST'),
             ('arch/arm64/kvm/mmu.o', 'drivers/vfio/pci/vfio_pci_core.o')),
)


def wanted(selection: Selection) -> list[Fallback]:
    """Those of a piece that was asked for as a whole."""
    narrowed = selection.boots or selection.tests or selection.drivers
    if narrowed or not selection.wants_level('boot'):
        return []
    return [fallback for fallback in ALL
            if fallback.piece in selection.pieces
            and (not selection.arches or fallback.arch in selection.arches)]


def build(layout: Layout, fallback: Fallback, logs: Path,
          watch: Callable[[str], None]) -> StageResult:
    """Builds one, and sees that there is no Rust in it."""
    started = time.monotonic()
    log = logs / f'build-{fallback.name}.log'
    try:
        outcome = _build(layout, fallback, log, watch)
    except (OSError, MissingInput) as error:
        outcome = failed(fallback.stage, str(error))
    return StageResult(fallback.stage, [outcome], time.monotonic() - started,
                       str(log))


def _build(layout: Layout, fallback: Fallback, log: Path,
           watch: Callable[[str], None]) -> Outcome:
    plain = layout.build(fallback.arch, 'plain')
    source = layout.kernel_tree(plain)
    output = layout.cache / 'build' / fallback.name
    output.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(plain / '.config', output / '.config')
    make = fallback.make(source, output, len(os.sched_getaffinity(0)))
    change = [str(source / 'scripts/config'), '--file', str(output / '.config')]
    for step in (([*change, *fallback.change] if fallback.change else ['true']),
                 [*make, 'olddefconfig'], [*make, *fallback.targets]):
        status, lines = run_logged(step, layout.repo, log, os.environ, watch)
        if status != 0 or any('warning:' in line for line in lines):
            tail = '\n'.join(f'  | {line}' for line in lines[-_TAIL:])
            return failed(fallback.stage,
                          f'{" ".join(step)}: exit status {status}\n{tail}')
    found = mistakes(fallback, (output / '.config').read_text(encoding='utf-8'),
                     [name for name in fallback.objects
                      if (output / name).is_file()])
    return failed(fallback.stage, found) if found else passed(fallback.stage)


def mistakes(fallback: Fallback, dotconfig: str, built: Sequence[str]) -> str:
    """What is not as it should be; empty if all is."""
    lines = dotconfig.splitlines()
    wrong = [f'CONFIG_{symbol} is on' for symbol in fallback.symbols
             if f'CONFIG_{symbol}=y' in lines]
    wrong += [f'{name} was not built' for name in fallback.objects
              if name not in built]
    return '; '.join(wrong)
