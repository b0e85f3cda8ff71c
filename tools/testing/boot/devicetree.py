# SPDX-License-Identifier: GPL-2.0
"""A device tree of our own, for machines that QEMU describes only in part.

QEMU's RISC-V machine takes several virtio-iommu devices, but its tree puts
all of the bus behind the last one. The tree made here names the IOMMU of each
function. It is what QEMU would give the guest without any IOMMU, with the
PCI node renamed: QEMU writes its own map into a node of the old name.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Sequence

from boot.paths import MissingInput

PCI_NODE = 'pci@30000000'
RENAMED = 'pcie@30000000'
# QEMU numbers the nodes that it adds from 0x8000 on.
FIRST_PHANDLE = 0x9000
DTC_SECONDS = 60


def requester_id(address: str) -> int:
    """The number of a function on the root bus: 02.1 is 17."""
    device, _, function = address.partition('.')
    return int(device, 16) << 3 | int(function, 16)


def _iommu_node(address: str, phandle: int) -> str:
    number = requester_id(address)
    place = f'{number >> 3:x},{number & 7:x}'
    return (f'iommu@{place} {{ '
            'compatible = "virtio,pci-iommu", "pci1af4,1057"; '
            f'reg = <{number << 8:#x} 0 0 0 0>; #iommu-cells = <1>; '
            f'phandle = <{phandle:#x}>; }};')


def with_iommus(tree: str, endpoints: Sequence[tuple[str, str]]) -> str:
    """The tree with (endpoint, its IOMMU), both by address, for each."""
    iommus = sorted({iommu for _, iommu in endpoints})
    phandles = {iommu: FIRST_PHANDLE + index
                for index, iommu in enumerate(iommus)}
    cells = ' '.join(f'{requester_id(endpoint):#x} {phandles[iommu]:#x} '
                     f'{requester_id(endpoint):#x} 1'
                     for endpoint, iommu in endpoints)
    nodes = '\n'.join(_iommu_node(iommu, phandles[iommu]) for iommu in iommus)
    opening = re.compile(rf'^([ \t]*){re.escape(PCI_NODE)} \{{\n(.*?)^\1\}};',
                         re.MULTILINE | re.DOTALL)

    def replacement(match: re.Match[str]) -> str:
        return (f'{PCI_NODE} {{ status = "disabled"; }};\n'
                f'{RENAMED} {{\n{match.group(2)}'
                f'iommu-map = <{cells}>;\n{nodes}\n}};')

    changed, count = opening.subn(replacement, tree)
    if count != 1:
        raise MissingInput(f'{count} nodes {PCI_NODE} in the device tree of '
                           'QEMU, where one was expected')
    return changed


def _run(argv: Sequence[str], text: str = '') -> str:
    try:
        return subprocess.run(argv, input=text, capture_output=True, text=True,
                              check=True, timeout=DTC_SECONDS).stdout
    except subprocess.CalledProcessError as error:
        raise MissingInput(f'{argv[0]}: {error.stderr}') from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingInput(str(error)) from error


def make(dump: Sequence[str], dumped: Path,
         endpoints: Sequence[tuple[str, str]]) -> Path:
    """Changes the tree that the command ``dump`` writes to ``dumped``."""
    own = dumped.with_name('own.dtb')
    _run(dump)
    tree = _run(['dtc', '-q', '-I', 'dtb', '-O', 'dts', str(dumped)])
    _run(['dtc', '-q', '-I', 'dts', '-O', 'dtb', '-o', str(own)],
         with_iommus(tree, endpoints))
    return own
