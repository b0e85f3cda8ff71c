# SPDX-License-Identifier: GPL-2.0
"""QEMU takes every machine's command line, with devices where guests look."""

import shutil
import tempfile
import unittest
from pathlib import Path
from typing import Any

from boot import hostile, machines
from boot.qemu import Qemu


def addresses(buses: list[dict[str, Any]]) -> set[str]:
    """The addresses on the root bus, as QEMU tells them."""
    return {f'0000:00:{device["slot"]:02x}.{device["function"]}'
            for bus in buses if bus['bus'] == 0 for device in bus['devices']}


class AcceleratorTest(unittest.TestCase):
    """What is emulated, and how."""

    def words(self, **settings: Any) -> str:
        return ' '.join(machines.command(machines.Start(
            'x86_64', 'generic', 'IMAGE', '', '', **settings)))

    def test_instructions_are_counted_under_emulation_only(self) -> None:
        words = self.words(accel='kvm', icount=True)
        self.assertIn('-accel tcg,thread=single -smp 1 -icount shift=0', words)
        self.assertNotIn('kvm', words)
        self.assertNotIn('-cpu host', words)

    def test_another_processor(self) -> None:
        self.assertIn('-cpu max,v=off', self.words(cpu='max,v=off'))
        self.assertIn('-cpu host', self.words(cpu='max,v=off', accel='kvm'))

    def test_otherwise_with_all_processors(self) -> None:
        self.assertIn('-accel kvm -smp 2', self.words(accel='kvm'))
        self.assertIn('-accel tcg,thread=multi -smp 2', self.words())
        self.assertNotIn('-icount', self.words())


class MachinesTest(unittest.TestCase):
    """machines.command; nothing is run, the processors stay stopped."""

    def start(self, arch: str, variant: str) -> list[str]:
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        drives = {}
        with_disks = variant.startswith('viommu')
        for name in ('blk0', 'nvme0') if with_disks else ():
            path = Path(scratch.name) / name
            path.write_bytes(bytes(1 << 20))
            drives[name] = str(path)
        argv = machines.command(machines.Start(
            arch, variant, 'IMAGE', '', '', drives=drives,
            network=with_disks, scratch=Path(scratch.name)))
        at = argv.index('-kernel')
        return argv[:at] + argv[at + 4:] + ['-S']

    def test_all(self) -> None:
        for (arch, variant), machine in machines.MACHINES.items():
            # That one needs a process beside it: test_hostile.py.
            if variant == hostile.VARIANT:
                continue
            with self.subTest(arch=arch, variant=variant):
                if shutil.which(machine.qemu) is None:
                    self.skipTest(f'{machine.qemu} is not installed')
                self.check(arch, variant)

    def check(self, arch: str, variant: str) -> None:
        promised = machines.pci_environment(machines.devices(arch, variant))
        with Qemu(self.start(arch, variant)) as qemu:
            found = addresses(qemu.qmp.execute('query-pci'))
        self.assertLessEqual(set(promised.values()), found)

    def test_options_of_the_iommu(self) -> None:
        argv = machines.command(machines.Start(
            'x86_64', 'viommu', 'IMAGE', '', '',
            iommu_options=('boot-bypass=off',)))
        changed = [word for word in argv if 'boot-bypass' in word]
        self.assertEqual(len(changed), 1)
        self.assertTrue(changed[0].startswith('virtio-iommu-pci,'))
