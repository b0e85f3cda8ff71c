# SPDX-License-Identifier: GPL-2.0
"""What is booted, and which tests run in each boot."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Iterable, Sequence

from boot.configreads import ConfigReads
from boot.paths import ARCHES

#: A boot's own deadline in seconds, before its tests are added. TCG needs a
#: tenth of it when the host is idle; the rest is for busy ones.
BOOT_SECONDS = {'x86_64': 120, 'arm64': 150, 'riscv': 150, 'powerpc': 240}


#: Pieces of which no other architecture has anything, KUnit suites included.
ARCH_OF_PIECE = {'arm64-stage2': 'arm64', 'riscv-onereg': 'riscv'}


@dataclass(frozen=True)
class GuestTest:
    """One script in tools/testing/guest/tests."""

    name: str
    #: The pieces that it tests; empty for what belongs to the whole project.
    pieces: tuple[str, ...] = ()
    arches: tuple[str, ...] = ARCHES
    #: How long it may take under TCG with all the debugging on.
    seconds: int = 60


@dataclass(frozen=True)
class LastTrace:
    """What a device was told last, by an event of QEMU's that traces it."""

    event: str
    #: How the last line of the event has to end.
    ending: str
    #: What that means.
    name: str

    def arguments(self) -> tuple[str, ...]:
        """What QEMU has to be told; it traces to its standard error."""
        return '-trace', self.event

    def find(self, log: str) -> str:
        """The last line, without what QEMU puts before it; empty if none."""
        lines = [line[line.index(self.event):].strip()
                 for line in log.splitlines() if self.event + ' ' in line]
        return lines[-1] if lines else ''

    def problem(self, log: str) -> str:
        """What the last line is instead; empty if it is as it has to be."""
        found = self.find(log)
        return ('' if found.endswith(self.ending)
                else f'the last trace is: {found}')


@dataclass(frozen=True)
class Boot:
    """One QEMU run."""

    name: str
    arch: str
    flavour: str = 'test'
    variant: str = 'generic'
    #: rust, c, none: the module to load; empty if it is built in.
    driver: str = ''
    #: What that is about: iommu or kvm.
    module: str = 'iommu'
    #: Another processor than the machine has otherwise.
    cpu: str = ''
    tests: tuple[GuestTest, ...] = ()
    append: str = ''
    #: Properties of the virtio-iommu device beyond its defaults.
    iommu_options: tuple[str, ...] = ()
    #: The kernel's own KUnit suites run before /init.
    kunit: bool = False
    #: Reasons of skips that give none themselves, by the case's name.
    skip_reasons: tuple[tuple[str, str], ...] = ()
    #: Outcomes of this boot are compared with those of the boot named here.
    oracle: str = ''
    #: One emulated processor whose clock ticks once for each instruction.
    icount: bool = False
    #: More of the QEMU command line.
    qemu: tuple[str, ...] = ()
    #: What every one of these expressions describes has to be on the console.
    expected_lines: tuple[str, ...] = ()
    #: Run only when it is asked for by its name.
    on_request: bool = False
    #: Run only when it or its piece is named: one of many that hardly differ.
    thorough: bool = False
    #: What QEMU's traces of these expressions say last, and have to.
    last_traces: tuple[LastTrace, ...] = ()
    #: What they say of a function's configuration space.
    config_reads: tuple[ConfigReads, ...] = ()

    @property
    def traces(self) -> tuple[LastTrace | ConfigReads, ...]:
        """All that QEMU's traces have to say."""
        return (*self.last_traces, *self.config_reads)

    @property
    def level(self) -> str:
        """The level of testing that the boot belongs to."""
        return 'kunit' if self.kunit else 'boot'

    @property
    def key(self) -> str:
        """The name that outcomes, logs and commands use."""
        return f'{self.level}/{self.arch}/{self.name}'

    def deadline(self, factor: float = 1.0) -> float:
        """How long the boot and its tests may take."""
        seconds = BOOT_SECONDS[self.arch] + sum(t.seconds for t in self.tests)
        return (seconds + (300 if self.kunit else 0)) * factor

    def reproduce(self, test: str = '') -> str:
        """The command that runs this boot, or one of its tests, again."""
        if self.kunit:
            return f'make check-kunit ARCH={self.arch}'
        one = f' TEST={test}' if test else ''
        return f'make check-boot ARCH={self.arch} BOOT={self.name}{one}'


@dataclass(frozen=True)
class Selection:
    """What the person asked for; empty fields select everything."""

    levels: tuple[str, ...] = ()
    arches: tuple[str, ...] = ()
    pieces: tuple[str, ...] = ()
    boots: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    drivers: tuple[str, ...] = ()

    def wants_level(self, level: str) -> bool:
        """Whether a level is to be run."""
        return not self.levels or level in self.levels

    def wants_bare(self, arch: str, name: str) -> bool:
        """Whether to run a boot that has no guest tests, of no piece."""
        if self.tests or self.pieces or self.drivers:
            return False
        return (self.wants_level('boot')
                and (not self.arches or arch in self.arches)
                and (not self.boots or name in self.boots))

    def _wants_arch(self, arch: str) -> bool:
        """Whether it was asked for, and has something of the pieces."""
        return ((not self.arches or arch in self.arches)
                and (not self.pieces
                     or any(ARCH_OF_PIECE.get(piece, arch) == arch
                            for piece in self.pieces)))

    def _wants_test(self, test: GuestTest, arch: str) -> bool:
        return (arch in test.arches
                and (not self.tests or test.name in self.tests)
                and (not self.pieces or bool({*test.pieces, ''}
                                             & {*self.pieces})))

    def narrow(self, boot: Boot) -> Boot | None:
        """The part of a boot that was asked for; None if nothing was."""
        chosen = (self._wants_arch(boot.arch)
                  and (boot.name in self.boots
                       or not (self.boots or boot.on_request
                               or boot.thorough and not self.pieces))
                  and (not self.drivers or boot.driver in self.drivers)
                  and self.wants_level(boot.level))
        if not chosen:
            return None
        if boot.kunit:
            return None if self.tests else boot
        tests = tuple(test for test in boot.tests
                      if self._wants_test(test, boot.arch))
        # A boot without tests still shows that the kernel comes up, unless
        # something else was asked for.
        unfiltered = not self.tests and not self.pieces
        if not tests and not (unfiltered and not boot.tests):
            return None
        return replace(boot, tests=tests)


def select(boots: Iterable[Boot], selection: Selection) -> list[Boot]:
    """The boots, or the parts of them, that were asked for."""
    narrowed = (selection.narrow(boot) for boot in boots)
    return [boot for boot in narrowed if boot is not None]


def unknown_names(boots: Sequence[Boot], selection: Selection) -> list[str]:
    """What was asked for and does not exist: a typing error is no success."""
    tests = {test.name for boot in boots for test in boot.tests}
    names = {boot.name for boot in boots} | {'vng'}
    pieces = {piece for boot in boots for test in boot.tests
              for piece in test.pieces}
    checks = (('TEST', selection.tests, tests),
              ('BOOT', selection.boots, names),
              ('PIECE', selection.pieces, pieces),
              ('ARCH', selection.arches, set(ARCHES)))
    return [f'{kind}={value}' for kind, values, known in checks
            for value in values if value not in known]
