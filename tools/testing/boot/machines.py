# SPDX-License-Identifier: GPL-2.0
"""The QEMU machines that the kernels boot on.

``generic`` is the machine that shows most of an architecture: EL2 with GICv3
and an SMMU, the H extension with AIA, the bare metal POWER9.  ``viommu`` is
the machine with a virtio-iommu in front of everything that does DMA, and
``viommu-pair`` has two, each with endpoints of its own.  ``hostile`` has one that
lies.  ``stage2`` has devices to be assigned to guests of the guest.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Mapping, Sequence

from boot import devicetree
from boot.paths import MissingInput
from boot.qmp import parse_properties

# Where QEMU's OPAL firmware lies in the distribution's package.
SKIBOOT = '/usr/share/qemu/skiboot.lid'


@dataclass(frozen=True)
class Machine:
    """What is the same for every boot of one machine variant."""

    qemu: str
    machine: str
    cpu: str
    console: str
    memory_mib: int
    extra: tuple[str, ...] = ()


# With five-level paging an interrupt that lands in identify_cpu(), while the
# CPU's feature bits are cleared, makes KASAN take every address for wild.
_X86_CPU = 'max,la57=off'

MACHINES: Mapping[tuple[str, str], Machine] = {
    ('x86_64', 'generic'): Machine(
        'qemu-system-x86_64', 'q35', _X86_CPU, 'ttyS0', 1024),
    ('x86_64', 'viommu'): Machine(
        'qemu-system-x86_64', 'q35', _X86_CPU, 'ttyS0', 2048),
    # The device's process sees the guest's memory, so it is shared. Nothing is
    # plugged: a bridge that comes and goes need not tell of 32 slots each time.
    ('x86_64', 'hostile'): Machine(
        'qemu-system-x86_64', 'q35,memory-backend=ram', _X86_CPU, 'ttyS0',
        1024, ('-object', 'memory-backend-memfd,id=ram,share=on,size=1024M',
               '-global',
               'ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off')),
    ('arm64', 'generic'): Machine(
        'qemu-system-aarch64',
        'virt,virtualization=on,gic-version=3,iommu=smmuv3',
        'max', 'ttyAMA0', 1024),
    ('arm64', 'viommu'): Machine(
        'qemu-system-aarch64', 'virt,gic-version=3', 'max', 'ttyAMA0', 2048),
    ('arm64', 'stage2'): Machine(
        'qemu-system-aarch64',
        'virt,virtualization=on,gic-version=3,iommu=smmuv3',
        'max', 'ttyAMA0', 1024,
        ('-object', 'memory-backend-ram,id=shared0,size=4M,share=on')),
    # The processor has neither VHE nor FWB, and guests get the virtual
    # interface of the GICv2.
    ('arm64', 'stage2-gicv2'): Machine(
        'qemu-system-aarch64',
        'virt,virtualization=on,gic-version=2,iommu=smmuv3',
        'cortex-a72', 'ttyAMA0', 1024,
        ('-object', 'memory-backend-ram,id=shared0,size=4M,share=on')),
    ('riscv', 'generic'): Machine(
        'qemu-system-riscv64', 'virt,aia=aplic-imsic,aia-guests=3',
        'max', 'ttyS0', 1024),
    ('riscv', 'viommu'): Machine(
        'qemu-system-riscv64', 'virt,aia=aplic-imsic,aia-guests=3',
        'max', 'ttyS0', 2048),
    ('riscv', 'viommu-pair'): Machine(
        'qemu-system-riscv64', 'virt,aia=aplic-imsic,aia-guests=3',
        'max', 'ttyS0', 2048),
    ('powerpc', 'generic'): Machine(
        'qemu-system-ppc64', 'powernv9', 'power9', 'hvc0', 2048,
        ('-bios', SKIBOOT)),
}


@dataclass(frozen=True)
class Device:
    """One device on the command line; ``env`` names it to the guest."""

    driver: str
    address: str = ''
    properties: tuple[str, ...] = ()
    env: str = ''
    bus: str = ''
    #: Properties that are lists.
    lists: tuple[tuple[str, tuple[str, ...]], ...] = ()
    #: The guest is told of this IOMMU in front of the function; empty where
    #: the machine itself says so.
    iommu: str = ''

    def words(self, more: Sequence[str] = ()) -> tuple[str, ...]:
        """All properties but lists."""
        bus = (f'bus={self.bus}',) if self.bus else ()
        address = (f'addr={self.address}',) if self.address else ()
        return (*bus, *address, *self.properties, *more)


def device_arguments(devs: Sequence[tuple[Device, Sequence[str]]],
                     ) -> list[str]:
    """The values of -device, for devices and more properties of each.

    Only JSON has lists, and QEMU plugs what is described so after all that is
    not: where one device needs it, all have it.
    """
    if not any(device.lists for device, _ in devs):
        return [','.join((device.driver, *device.words(more)))
                for device, more in devs]
    return [json.dumps({'driver': device.driver,
                        **parse_properties(list(device.words(more))),
                        **{name: list(values)
                           for name, values in device.lists}})
            for device, more in devs]


# Virtio devices use the IOMMU only when they are told to.
_BEHIND_IOMMU = ('disable-legacy=on', 'iommu_platform=on')

# QEMU gives a virtio device its address space when it is plugged, so the
# IOMMU comes first.
VIOMMU_DEVICES: tuple[Device, ...] = (
    Device('virtio-iommu-pci', '02.0', ('id=viommu0',), 'RV_IOMMU_PCI'),
    Device('virtio-blk-pci', '03.0',
           (*_BEHIND_IOMMU, 'drive=blk0', 'serial=rvblk0'), 'RV_BLK_PCI'),
    Device('nvme', '04.0', ('drive=nvme0', 'serial=rvnvme0'), 'RV_NVME_PCI'),
    Device('virtio-net-pci', '05.0',
           (*_BEHIND_IOMMU, 'netdev=net0', 'romfile='), 'RV_NET_PCI'),
    Device('iommu-testdev', '06.0', (), 'RV_TESTDEV_PCI'),
    Device('edu', '07.0', ('dma_mask=0xffffffffffffffff',), 'RV_EDU_PCI'),
    Device('virtio-rng-pci', '08.0', _BEHIND_IOMMU, 'RV_RNG_PCI'),
    Device('igb', '09.0', ('romfile=',), 'RV_IGB_PCI'),
    Device('pcie-root-port', '0a.0',
           ('id=rp0', 'chassis=1', 'slot=1'), 'RV_RP0_PCI'),
    Device('pcie-root-port', '0b.0',
           ('id=rp1', 'chassis=2', 'slot=2'), 'RV_RP1_PCI'),
)

# A device's MSIs are translated as all of its writes are. Where nobody maps
# the pages of the interrupt controller, the IOMMU has to let them through. Two
# processors with three guests each have four pages each.
IMSIC_PAGES = '0x28000000:0x28007fff'
_MSIS_PASS = (('reserved-regions', (f'{IMSIC_PAGES}:1',)),)
RISCV_VIOMMU_DEVICES: tuple[Device, ...] = (
    replace(VIOMMU_DEVICES[0], lists=_MSIS_PASS), *VIOMMU_DEVICES[1:])

# QEMU has the DMA of one bus go through its last IOMMU, but for an
# iommu-testdev, which asks for its IOMMU when it is plugged.
PAIR_DEVICES: tuple[Device, ...] = (
    Device('virtio-iommu-pci', '02.0', ('id=viommu0',), 'RV_IOMMU_PCI',
           lists=_MSIS_PASS),
    Device('iommu-testdev', '08.0', (), 'RV_FIRST_PCI', iommu='02.0'),
    Device('virtio-iommu-pci', '03.0', ('id=viommu1',), 'RV_IOMMU2_PCI',
           lists=_MSIS_PASS),
    Device('virtio-blk-pci', '04.0',
           (*_BEHIND_IOMMU, 'drive=blk0', 'serial=rvblk0'), 'RV_BLK_PCI',
           iommu='03.0'),
    Device('iommu-testdev', '06.0', (), 'RV_TESTDEV_PCI', iommu='03.0'),
)

# The device's answers come from a process of the harness, boot/hostile.py, and
# nothing is translated: no driver that does DMA may bind to what is behind it.
HOSTILE_DEVICES: tuple[Device, ...] = (
    Device('vhost-user-test-device-pci', '02.0',
           ('virtio-id=23', 'num_vqs=2', 'vq_size=256', 'config_size=40',
            'chardev=viommu'), 'RV_IOMMU_PCI'),
    Device('pci-testdev', '06.0', (), 'RV_TESTDEV_PCI'),
    Device('edu', '07.0', ('dma_mask=0xffffffffffffffff',), 'RV_EDU_PCI'),
    # What is behind it has two IDs: its own, and one that the bridge puts in
    # the place.
    Device('pcie-pci-bridge', '0c.0', ('id=bridge0',),
           'RV_BRIDGE_PCI'),
    Device('pci-testdev', '01.0', (), bus='bridge0'),
)

GENERIC_DEVICES: tuple[Device, ...] = (
    Device('virtio-rng-pci', '08.0', ('disable-legacy=on',), 'RV_RNG_PCI'),
    Device('pci-testdev', '06.0', (), 'RV_TESTDEV_PCI'),
)

# What is assigned to guests: conventional functions, of which one's BAR is
# memory, an integrated endpoint, endpoints below root ports, of which one has
# a prefetchable BAR, and a function behind a bridge to conventional PCI.
STAGE2_DEVICES: tuple[Device, ...] = (
    Device('ivshmem-plain', '04.0', ('memdev=shared0',), 'RV_IVSHMEM_PCI'),
    Device('e1000e', '05.0', ('romfile=',), 'RV_INTEGRATED_PCI'),
    Device('edu', '06.0', (), 'RV_EDU_PCI'),
    Device('pcie-root-port', '0a.0', ('id=rp0', 'chassis=1', 'slot=1'),
           'RV_RP0_PCI'),
    Device('e1000e', '', ('romfile=',), bus='rp0'),
    Device('pcie-root-port', '0b.0', ('id=rp1', 'chassis=2', 'slot=2'),
           'RV_RP1_PCI'),
    Device('nvme', '', ('serial=rvnvme0', 'cmb_size_mb=4'), bus='rp1'),
    Device('pcie-pci-bridge', '0c.0', ('id=bridge0',), 'RV_BRIDGE_PCI'),
    Device('pci-testdev', '01.0', ('membar=4M', 'membar-backed=on'),
           bus='bridge0'),
)

_BY_VARIANT: Mapping[str, tuple[Device, ...]] = {
    'viommu': VIOMMU_DEVICES,
    'viommu-pair': PAIR_DEVICES,
    'hostile': HOSTILE_DEVICES,
    'generic': GENERIC_DEVICES,
    'stage2': STAGE2_DEVICES,
    'stage2-gicv2': STAGE2_DEVICES,
}

# Each host bridge has one root port, with room for one device. OPAL switches
# the machine off through its management controller.
POWERNV_DEVICES: tuple[Device, ...] = (
    Device('ipmi-bmc-sim', '', ('id=bmc0',)),
    Device('isa-ipmi-bt', '', ('bmc=bmc0', 'irq=10')),
    Device('pnv-phb', '', ('id=phb0', 'chip-id=0', 'index=0')),
    Device('pnv-phb-root-port', '', ('id=port0',), bus='phb0'),
    Device('virtio-rng-pci', '', ('disable-legacy=on',), bus='port0'),
    Device('pnv-phb', '', ('id=phb1', 'chip-id=0', 'index=1')),
    Device('pnv-phb-root-port', '', ('id=port1',), bus='phb1'),
    Device('pci-testdev', '', (), bus='port1'),
)


def devices(arch: str, variant: str) -> tuple[Device, ...]:
    """The devices of a machine variant."""
    if arch == 'powerpc':
        return POWERNV_DEVICES
    if (arch, variant) == ('riscv', 'viommu'):
        return RISCV_VIOMMU_DEVICES
    return _BY_VARIANT[variant]


def pci_environment(devs: Sequence[Device]) -> dict[str, str]:
    """The PCI addresses as the guest sees them."""
    return {device.env: f'0000:00:{device.address}'
            for device in devs if device.env}


def lookup(arch: str, variant: str) -> Machine:
    """The machine for an architecture and a variant."""
    machine = MACHINES.get((arch, variant))
    if machine is None:
        raise MissingInput(f'there is no {variant} machine for {arch}')
    return machine


@dataclass(frozen=True)
class Start:
    """Everything that a QEMU command line is made of."""

    arch: str
    variant: str
    image: str
    initrd: str
    append: str
    accel: str = 'tcg'
    cpus: int = 2
    #: Another processor than the machine's.
    cpu: str = ''
    drives: Mapping[str, str] = field(default_factory=dict)
    network: bool = False
    iommu_options: tuple[str, ...] = ()
    #: One processor whose clock ticks once for each instruction; TCG only.
    icount: bool = False
    extra: tuple[str, ...] = ()
    #: Where files for QEMU are made.
    scratch: Path = Path('.')


def _bare(start: Start, machine: Machine, options: str = '') -> list[str]:
    """The machine without devices and without a kernel."""
    kvm = start.accel == 'kvm' and not start.icount
    return [
        machine.qemu,
        '-machine', machine.machine + options,
        *_accelerator(start, kvm),
        '-cpu', 'host' if kvm else start.cpu or machine.cpu,
        '-m', str(machine.memory_mib),
        '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot',
        *machine.extra,
    ]


def _tree(start: Start, machine: Machine) -> list[str]:
    """A device tree of our own, if the IOMMUs of the functions are told."""
    endpoints = [(device.address, device.iommu)
                 for device in devices(start.arch, start.variant)
                 if device.iommu]
    if not endpoints:
        return []
    dumped = start.scratch / 'qemu.dtb'
    own = devicetree.make(_bare(start, machine, f',dumpdtb={dumped}'), dumped,
                          endpoints)
    return ['-dtb', str(own)]


def command(start: Start) -> list[str]:
    """The QEMU command line, without console and control sockets.

    Makes a device tree first where the machine needs one of our own.
    """
    machine = lookup(start.arch, start.variant)
    argv = [
        *_bare(start, machine), *_tree(start, machine),
        '-kernel', start.image,
        '-append', f'console={machine.console} panic=-1 {start.append}'.strip(),
    ]
    if start.initrd:
        argv += ['-initrd', start.initrd]
    for name, path in start.drives.items():
        # A block node, unlike a drive, outlives the device that uses it.
        argv += ['-blockdev', f'driver=file,node-name={name},filename={path},'
                 'read-only=off']
    if start.network:
        argv += ['-netdev', 'user,id=net0']
    for argument in device_arguments(
            [(device, _options(device, start))
             for device in devices(start.arch, start.variant)]):
        argv += ['-device', argument]
    return argv + list(start.extra)


def _accelerator(start: Start, kvm: bool) -> tuple[str, ...]:
    if start.icount:
        return ('-accel', 'tcg,thread=single', '-smp', '1',
                '-icount', 'shift=0,sleep=on')
    return ('-accel', 'kvm' if kvm else 'tcg,thread=multi',
            '-smp', str(start.cpus))


def _options(device: Device, start: Start) -> tuple[str, ...]:
    is_iommu = device.driver == 'virtio-iommu-pci'
    return start.iommu_options if is_iommu else ()


def host_arch() -> str:
    """The architecture of this machine, by the project's names."""
    names = {'aarch64': 'arm64', 'riscv64': 'riscv', 'ppc64le': 'powerpc'}
    machine = os.uname().machine
    return names.get(machine, machine)
