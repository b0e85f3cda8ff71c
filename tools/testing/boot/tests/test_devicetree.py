# SPDX-License-Identifier: GPL-2.0
"""Our own device tree: who is behind which IOMMU, and nothing else changed."""

import shutil
import subprocess
import unittest

from boot import devicetree
from boot.paths import MissingInput

TREE = """/dts-v1/;

/ {
\t#address-cells = <0x02>;
\t#size-cells = <0x02>;

\tsoc {
\t\t#address-cells = <0x02>;
\t\t#size-cells = <0x02>;
\t\tranges;

\t\tpci@30000000 {
\t\t\t#address-cells = <0x03>;
\t\t\t#size-cells = <0x02>;
\t\t\tbus-range = <0x00 0xff>;
\t\t};

\t\tserial@10000000 {
\t\t\tclock-frequency = "", "8@";
\t\t};
\t};
};
"""


class DeviceTreeTest(unittest.TestCase):
    """devicetree.with_iommus."""

    def test_requester_id(self) -> None:
        for address, number in (('00.0', 0), ('02.0', 0x10), ('1f.7', 0xff)):
            self.assertEqual(devicetree.requester_id(address), number)

    def test_each_endpoint_has_its_iommu(self) -> None:
        tree = devicetree.with_iommus(
            TREE, [('08.0', '02.0'), ('04.0', '03.0'), ('06.0', '03.0')])
        self.assertIn('iommu-map = <0x40 0x9000 0x40 1 0x20 0x9001 0x20 1 '
                      '0x30 0x9001 0x30 1>;', tree)
        self.assertEqual(tree.count('"virtio,pci-iommu"'), 2)
        self.assertIn('iommu@3,0 { ', tree)
        self.assertIn('reg = <0x1800 0 0 0 0>', tree)

    def test_the_rest_stays(self) -> None:
        tree = devicetree.with_iommus(TREE, [('08.0', '02.0')])
        self.assertEqual(tree.count('bus-range'), 1)
        self.assertIn('pci@30000000 { status = "disabled"; };', tree)
        self.assertTrue(tree.endswith(TREE[TREE.index('serial@'):]))

    def test_another_machine_is_refused(self) -> None:
        with self.assertRaises(MissingInput):
            devicetree.with_iommus(TREE.replace('pci@3', 'pci@4'), [])

    def test_dtc_takes_it(self) -> None:
        if shutil.which('dtc') is None:
            self.skipTest('dtc is not installed')
        tree = devicetree.with_iommus(TREE, [('08.0', '02.0')])
        done = subprocess.run(['dtc', '-q', '-I', 'dts', '-O', 'dtb'],
                              input=tree.encode(), capture_output=True,
                              check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b''))
