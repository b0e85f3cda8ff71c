# SPDX-License-Identifier: GPL-2.0
"""The process of the device that lies, and QEMU in front of it."""

import re
import shutil
import unittest
from pathlib import Path

from boot import hostile, machines
from boot.paths import Layout, MissingInput
from boot.qemu import Qemu

CASES = (Path(__file__).parents[2] / 'guest' / 'lib' / 'hostile-cases.sh')


class DeviceTest(unittest.TestCase):
    """hostile.Device; nothing is run, the processors stay stopped."""

    def setUp(self) -> None:
        try:
            self.device = hostile.Device(Layout())
        except MissingInput as error:
            self.skipTest(str(error))
        self.enterContext(self.device)

    def test_commands(self) -> None:
        self.assertEqual(self.device.ask('case map/silent/2'), '')
        self.assertIn('refused=0', self.device.ask('statistics'))
        with self.assertRaisesRegex(ValueError, 'no case'):
            self.device.ask('case map/lost')

    def test_every_case_of_the_guest_is_known(self) -> None:
        text = CASES.read_text(encoding='utf-8')
        names = re.findall(r'^([a-z]+/[a-z0-9/-]+) ', text, re.MULTILINE)
        self.assertGreater(len(names), 40)
        self.assertEqual(len(set(names)), len(names))
        for name in names:
            with self.subTest(name):
                try:
                    self.device.ask(f'case {name}')
                except ValueError as error:
                    # It is known, but there is no driver to send it to.
                    self.assertTrue(name.startswith('event/'))
                    self.assertIn('no driver', str(error))

    def test_qemu_takes_it(self) -> None:
        if shutil.which('qemu-system-x86_64') is None:
            self.skipTest('qemu-system-x86_64 is not installed')
        argv = machines.command(machines.Start(
            'x86_64', hostile.VARIANT, 'IMAGE', '', '',
            extra=tuple(self.device.arguments())))
        at = argv.index('-kernel')
        with Qemu(argv[:at] + argv[at + 4:] + ['-S']) as qemu:
            buses = qemu.qmp.execute('query-pci')
        slots = [device['slot'] for device in buses[0]['devices']]
        self.assertIn(2, slots)
        self.assertEqual(self.device.errors(), '')

    def test_it_ends(self) -> None:
        self.device.stop()
        with self.assertRaises(OSError):
            self.device.ask('statistics')
