# SPDX-License-Identifier: GPL-2.0
"""QEMU's trace of its virtio-iommu: the requests that reached the device."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Iterable, Mapping

_EVENTS = ('virtio_iommu_map', 'virtio_iommu_unmap',
           'virtio_iommu_report_fault')
_REQUEST = re.compile(r'virtio_iommu_(map|unmap) .*virt_start=(0x[0-9a-f]+)'
                      r' virt_end=(0x[0-9a-f]+)')
_FAULT = re.compile(r'virtio_iommu_report_fault .*address ?=\s*(0x[0-9a-f]+)')
# The guest marks what it does with faults at MARK + number * PAGE.
MARK = 0xb0000000
PAGE = 4096
MARKS = 100
# dma-16p-1t, sg-16p-1t
_PAGES = re.compile(r'-(\d+)p-')


def arguments(log: Path) -> tuple[str, ...]:
    """What QEMU has to be told."""
    traces = [word for event in _EVENTS for word in ('-trace', event)]
    return (*traces, '-D', str(log))


def _mark(line: str) -> int | None:
    fault = _FAULT.search(line)
    if fault is None:
        return None
    number, rest = divmod(int(fault[1], 16) - MARK, PAGE)
    return number if rest == 0 and 0 <= number < MARKS else None


def per_operation(lines: Iterable[str],
                  numbers: Mapping[int, str]) -> dict[str, float]:
    """Requests per mapped and per unmapped buffer, by measurement and kind.

    How many buffers there were is known from the bytes that were mapped.
    """
    requests: Counter[tuple[int, str]] = Counter()
    mapped: Counter[tuple[int, str]] = Counter()
    current = 0
    for line in lines:
        found = _REQUEST.search(line)
        if found is None:
            mark = _mark(line)
            current = current if mark is None else mark
            continue
        key = (current, found[1])
        requests[key] += 1
        mapped[key] += int(found[3], 16) - int(found[2], 16) + 1
    result = {}
    for number, name in numbers.items():
        pages = _PAGES.search(name)
        for kind in ('map', 'unmap'):
            size = mapped[number, kind]
            if pages is not None and size:
                buffers = size / (int(pages[1]) * PAGE)
                result[f'{name}-{kind}'] = requests[number, kind] / buffers
    return result
