# SPDX-License-Identifier: GPL-2.0
"""The virtio-iommu driver: real devices doing real DMA behind it."""

from __future__ import annotations

from dataclasses import dataclass

from boot.parity import Difference
from boot.plan import Boot, GuestTest, LastTrace
from boot.results import Status
from boot.tests_smoke import SAMPLES

PIECE = 'virtio-iommu'
DRIVER_ARCHES = ('x86_64', 'arm64', 'riscv')


def _test(name: str, seconds: int = 60) -> GuestTest:
    return GuestTest(name, (PIECE,), DRIVER_ARCHES, seconds)


BOUND = _test('iommu-bound')
GROUPS = _test('groups')
REGIONS = _test('reserved-regions')
DISK_IO = _test('disk-io', 120)
NET = _test('net', 120)
FAULT = _test('fault')
FIGURES = _test('figures')
BRIDGE = _test('bridge', 240)
IDENTITY = _test('identity')
VFIO_DMA = _test('vfio-dma', 120)
HOTPLUG = _test('hotplug', 240)
BENCHMARK = _test('dma-map-benchmark', 120)
SELFTESTS = _test('vfio-selftests', 600)
BYPASS = _test('bypass', 120)
UNLOAD = _test('unload', 120)
PAIR = _test('two-iommus', 180)
FAIL_NTH = _test('fail-nth', 240)
SUSPEND = _test('suspend', 120)
UNPLUG = _test('unplug', 120)
NEEDS_RESET = _test('needs-reset', 240)
KEXEC = _test('kexec', 120)
AFTER_KEXEC = _test('after-kexec', 120)
DEMO = _test('demo', 120)
BENCH = _test('bench', 1200)

# A driver resets a device by writing 0. The machine stops with the IOMMU at
# work, and so with its endpoints confined.
AT_WORK = LastTrace('virtio_iommu_device_status', 'driver status = 15',
                    'not-reset-at-power-off')

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
    #: More devices than every machine has.
    qemu: tuple[str, ...] = ()
    arches: tuple[str, ...] = ('x86_64',)
    #: Where the C driver runs the same tests, and the results are compared.
    #: Each such boot costs minutes; lazy mode has most of the tests.
    compared: tuple[str, ...] = ()
    last_traces: tuple[LastTrace, ...] = ()


# Two bridges that put an ID in the place of those behind them: one that nobody else
# has, and one that is the bridge's own.
BEHIND_BRIDGE = (
    '-device', 'pcie-pci-bridge,id=bridge0,addr=0c.0',
    '-device', 'iommu-testdev,bus=bridge0,addr=01.0',
    '-device', 'virtio-blk-pci,bus=bridge0,addr=02.0,drive=hot0,'
    'disable-legacy=on,iommu_platform=on',
    '-device', 'pci-bridge,id=bridge1,chassis_nr=7,shpc=off,addr=0d.0',
    '-device', 'iommu-testdev,bus=bridge1,addr=01.0',
    '-device', 'virtio-blk-pci,bus=bridge1,addr=02.0,drive=hot1,'
    'disable-legacy=on,iommu_platform=on')

MODES = (
    Mode('lazy', 'iommu.strict=0 rv.kmemleak=1',
         (BOUND, GROUPS, REGIONS, DISK_IO, NET, FAULT, FIGURES, VFIO_DMA,
          BENCHMARK, SELFTESTS), arches=('x86_64', 'arm64'), compared=('x86_64',),
         last_traces=(AT_WORK,)),
    # An emulated RISC-V is slow: what the others show as well is theirs.
    Mode('lazy', 'iommu.strict=0',
         (BOUND, GROUPS, REGIONS, DISK_IO, NET, FAULT), arches=('riscv',)),
    # VFIO unmaps at once in any mode.
    Mode('strict', 'iommu.strict=1',
         (SAMPLES, GROUPS, DISK_IO, NET, FAULT, BENCHMARK)),
    # Without translation little is allocated that is not the driver's.
    Mode('passthrough', 'iommu.passthrough=1 rv.kmemleak=1',
         (BOUND, GROUPS, DISK_IO, IDENTITY, VFIO_DMA, FAIL_NTH)),
    Mode('no-bypass', 'iommu.strict=1',
         (GROUPS, DISK_IO, FAULT, VFIO_DMA), ('boot-bypass=off',)),
    Mode('bridge', 'iommu.strict=0', (BRIDGE,), qemu=BEHIND_BRIDGE),
    Mode('hotplug', 'iommu.strict=0', (HOTPLUG,)),
    Mode('reload', 'iommu.strict=0', (UNLOAD, DISK_IO)),
    # The test loads the driver, where in the other boots init does it.
    Mode('bypass', 'rv.iommu=none deferred_probe_timeout=0', (BYPASS,)),
    Mode('life', 'iommu.strict=0', (SUSPEND, UNPLUG, NEEDS_RESET)),
)

# Lies that the C driver never comes back from, each in a boot of its own that
# ends with its deadline: guest/lib/hostile-cases.sh.
WEDGES = ('properties/wrapping', 'map/id-out-of-ring', 'map/id-no-head',
          'map/id-repeated', 'unmap/index-jump', 'map/silent')

# Cases that end differently on the C driver, each with its reason.
DIFFERENCES: tuple[Difference, ...] = (
    Difference('fault.the trace names the device', Status.PASSED,
               Status.FAILED, 'the C driver traces no faults'),
    Difference('figures.*', Status.PASSED, Status.FAILED,
               'the C driver has no figures'),
    Difference(AT_WORK.name, Status.PASSED, Status.FAILED,
               'with the C driver the bus resets the IOMMU, although endpoints '
               'may still be running'),
)


def _boot(mode: Mode, arch: str, driver: str, oracle: str) -> Boot:
    # What the C driver leaves undone is not for us to find: the quick kernel
    # has the same outcomes.
    return Boot(f'{mode.name}-{driver}', arch,
                flavour='plain' if driver == 'c' else 'test',
                variant='viommu', driver=driver, tests=mode.tests,
                append=mode.append, oracle=oracle,
                iommu_options=mode.iommu_options, qemu=mode.qemu,
                last_traces=mode.last_traces)


def hostile() -> list[Boot]:
    """A device that lies; the C driver meets it only where asked for."""
    def boot(driver: str, case: str = '', seconds: int = 300) -> Boot:
        name = '-'.join(['hostile', driver, *case.split('/')]).rstrip('-')
        return Boot(name, 'x86_64', variant='hostile', driver=driver,
                    tests=(_test('hostile', seconds),),
                    append=f'iommu.strict=1 rv.cases={case}',
                    on_request=driver == 'c')

    alone = [boot('c', case, 30) for case in WEDGES]
    return [boot('rust'), boot('c'), *alone]


def demo(arch: str = 'x86_64') -> Boot:
    """The demonstration, on the plain kernel."""
    return Boot('run', arch, flavour='plain', variant='viommu', driver='rust',
                tests=(DEMO,), expected_lines=PROMISES)


def kexec() -> Boot:
    """Two kernels one after the other; the plain one is fetched sooner."""
    return Boot('kexec-rust', 'x86_64', flavour='plain', variant='viommu',
                driver='rust', tests=(KEXEC, AFTER_KEXEC),
                append='iommu.strict=0', last_traces=(AT_WORK,))


def pair() -> Boot:
    """Two IOMMUs in one machine, which QEMU refuses but on RISC-V."""
    return Boot('pair-rust', 'riscv', variant='viommu-pair', driver='rust',
                tests=(PAIR,), append='iommu.strict=0')


def bench(driver: str, name: str, append: str, flavour: str = 'plain',
          icount: bool = False, qemu: tuple[str, ...] = ()) -> Boot:
    """A boot of the benchmark, which `make check` has nothing of."""
    return Boot(name, 'x86_64', flavour=flavour, variant='viommu',
                driver=driver, tests=(BENCH,), append=append, icount=icount,
                qemu=qemu)


def boots() -> list[Boot]:
    """Each mode with the Rust driver, and with the C driver right after it."""
    modes: list[Boot] = []
    for arch in DRIVER_ARCHES:
        for mode in (mode for mode in MODES if arch in mode.arches):
            compared = arch in mode.compared
            modes.append(_boot(mode, arch, 'rust',
                               f'{mode.name}-c' if compared else ''))
            if compared:
                modes.append(_boot(mode, arch, 'c', ''))
    return [*modes, pair(), *hostile(), kexec(), demo()]
