# SPDX-License-Identifier: GPL-2.0
"""The virtio-iommu driver: real devices doing real DMA behind it."""

from __future__ import annotations

from dataclasses import dataclass

from boot.parity import Difference
from boot.plan import Boot, GuestTest

PIECE = 'virtio-iommu'
DRIVER_ARCHES = ('x86_64', 'arm64')


def _test(name: str, seconds: int = 60) -> GuestTest:
    return GuestTest(name, (PIECE,), DRIVER_ARCHES, seconds)


BOUND = _test('iommu-bound')
GROUPS = _test('groups')
REGIONS = _test('reserved-regions')
DISK_IO = _test('disk-io', 120)
NET = _test('net', 120)
FAULT = _test('fault')
IDENTITY = _test('identity')
VFIO_DMA = _test('vfio-dma', 120)
HOTPLUG = _test('hotplug', 240)
BENCHMARK = _test('dma-map-benchmark', 120)
SELFTESTS = _test('vfio-selftests', 600)
UNLOAD = _test('unload', 120)
DEMO = _test('demo', 120)

# What the demonstration has to show, whatever it says about itself.
PROMISES = (
    r'demo: driver virtio_iommu bound to \S+',
    r'demo: group \d+ DMA(-FQ)? \S+',
    r'demo: disk sha256 ([0-9a-f]{64}) \(expected \1\)',
    r'demo: net received [1-9]\d* bytes sha256 [0-9a-f]{64}',
    r'demo: fault .*page fault from EP \d+',
)


@dataclass(frozen=True)
class Mode:
    """One way of running the machine, with what is tested in it."""

    name: str
    append: str
    tests: tuple[GuestTest, ...]
    iommu_options: tuple[str, ...] = ()
    arches: tuple[str, ...] = DRIVER_ARCHES


# Adding a device below a root port makes pciehp itself take its reset_lock and
# pci_rescan_remove_lock in both orders, which lockdep reports. With a device
# tree there is no other hotplug driver; with ACPI there is.
_WITHOUT_PCIEHP_REPORT = 'lockdep.prove_locking=0'

MODES = (
    Mode('lazy', 'iommu.strict=0 rv.kmemleak=1',
         (BOUND, GROUPS, REGIONS, DISK_IO, NET, FAULT, VFIO_DMA, BENCHMARK,
          SELFTESTS)),
    Mode('strict', 'iommu.strict=1',
         (GROUPS, DISK_IO, NET, FAULT, VFIO_DMA, BENCHMARK)),
    Mode('passthrough', 'iommu.passthrough=1',
         (BOUND, GROUPS, DISK_IO, NET, IDENTITY, VFIO_DMA)),
    Mode('no-bypass', 'iommu.strict=1',
         (GROUPS, DISK_IO, NET, FAULT, VFIO_DMA), ('boot-bypass=off',)),
    Mode('hotplug', 'iommu.strict=0', (HOTPLUG,), arches=('x86_64',)),
    Mode('hotplug', f'iommu.strict=0 {_WITHOUT_PCIEHP_REPORT}', (HOTPLUG,),
         arches=('arm64',)),
    Mode('reload', 'iommu.strict=0', (UNLOAD, DISK_IO)),
)

# Cases that end differently on the C driver, each with its reason.
DIFFERENCES: tuple[Difference, ...] = ()


def _boot(mode: Mode, arch: str, driver: str, oracle: str) -> Boot:
    return Boot(f'{mode.name}-{driver}', arch, variant='viommu', driver=driver,
                tests=mode.tests, append=mode.append,
                iommu_options=mode.iommu_options, oracle=oracle)


def demo(arch: str = 'x86_64') -> Boot:
    """The demonstration: the plain kernel, with the driver built in."""
    return Boot('run', arch, flavour='plain', variant='viommu', tests=(DEMO,),
                expected_lines=PROMISES)


def boots() -> list[Boot]:
    """Each mode with each of the two drivers, one right after the other."""
    modes = [boot for arch in DRIVER_ARCHES for mode in MODES
            if arch in mode.arches
            for boot in (_boot(mode, arch, 'rust', f'{mode.name}-c'),
                         _boot(mode, arch, 'c', ''))]
    return [*modes, demo()]
