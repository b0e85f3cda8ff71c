# SPDX-License-Identifier: GPL-2.0
"""The table that wires endpoints to a virtio-iommu."""

import struct
import unittest

from boot import viot


class ViotTest(unittest.TestCase):
    """viot.table, field by field."""

    def test_numbers(self) -> None:
        self.assertEqual(viot.device_number('02.0'), 0x10)
        self.assertEqual(viot.device_number('1f.7'), 0xff)
        self.assertEqual(viot.device_number('01:02.3'), 0x113)

    def test_table(self) -> None:
        table = viot.table('02.0', (('06.0', '07.7'), ('01:00.0', '01:1f.7')))
        self.assertEqual(table[:4], b'VIOT')
        self.assertEqual(struct.unpack_from('<I', table, 4)[0], len(table))
        self.assertEqual(sum(table) & 0xff, 0)
        self.assertEqual(struct.unpack_from('<HH', table, 36), (3, 48))
        # The device: type, length, segment, number.
        self.assertEqual(struct.unpack_from('<BxHHH', table, 48),
                         (3, 16, 0, 0x10))
        # What is behind it: type, length, first endpoint, segments, numbers
        # and where the device stands in the table.
        self.assertEqual(struct.unpack_from('<BxHIHHHHH', table, 64),
                         (1, 24, 0x30, 0, 0, 0x30, 0x3f, 48))
        self.assertEqual(struct.unpack_from('<BxHIHHHHH', table, 88),
                         (1, 24, 0x100, 0, 0, 0x100, 0x1ff, 48))
        self.assertEqual(len(table), 112)

    def test_a_device_is_not_behind_itself(self) -> None:
        for first, last in (('01.0', '03.0'), ('07.0', '06.0')):
            with self.subTest(first), self.assertRaises(ValueError):
                viot.table('02.0', [(first, last)])
