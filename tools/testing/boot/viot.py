# SPDX-License-Identifier: GPL-2.0
"""The ACPI table that says which devices are behind a virtio-iommu.

QEMU makes one for its own device only. Reference: Virtual I/O Translation
Table (VIOT) specification.
"""

from __future__ import annotations

import struct
from typing import Sequence

_HEADER = struct.Struct('<4sIBB6s8sI4sI')
_VIOT = struct.Struct('<HH8x')
_PCI_RANGE = struct.Struct('<BxHIHHHHH6x')
_IOMMU_PCI = struct.Struct('<BxHHH8x')

_TYPE_PCI_RANGE = 1
_TYPE_IOMMU_PCI = 3


def device_number(address: str) -> int:
    """``BUS:SLOT.FUNCTION`` as a number; without a bus it is bus 0."""
    bus, _, rest = address.rpartition(':')
    slot, function = rest.split('.')
    return (int(bus or '0', 16) << 8 | int(slot, 16) << 3
            | int(function, 16))


def _range_behind(iommu: str, first: str, last: str, offset: int) -> bytes:
    """The node of one range; that of the IOMMU is at ``offset``."""
    begin, end = device_number(first), device_number(last)
    if end < begin or begin <= device_number(iommu) <= end:
        raise ValueError(f'{first} to {last} cannot be behind {iommu}')
    return _PCI_RANGE.pack(_TYPE_PCI_RANGE, _PCI_RANGE.size, begin, 0, 0,
                           begin, end, offset)


def table(iommu: str, ranges: Sequence[tuple[str, str]]) -> bytes:
    """The functions of the ranges, each with its last one, are behind ``iommu``.

    The number of an endpoint is its device number.
    """
    start = _HEADER.size + _VIOT.size
    nodes = [_IOMMU_PCI.pack(_TYPE_IOMMU_PCI, _IOMMU_PCI.size, 0,
                             device_number(iommu)),
             *(_range_behind(iommu, first, last, start)
               for first, last in ranges)]
    body = _VIOT.pack(len(nodes), start) + b''.join(nodes)
    length = _HEADER.size + len(body)

    def header(checksum: int) -> bytes:
        return _HEADER.pack(b'VIOT', length, 0, checksum, b'RVIRT ',
                            b'HOSTILE ', 1, b'RVRT', 1)

    checksum = -sum(header(0) + body) & 0xff
    return header(checksum) + body
