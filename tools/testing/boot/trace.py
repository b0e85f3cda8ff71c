# SPDX-License-Identifier: GPL-2.0
"""QEMU's trace of its virtio-iommu: what reached the device."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterable, Mapping

_EVENTS = ('virtio_queue_notify', 'virtio_iommu_map', 'virtio_iommu_unmap',
           'virtio_iommu_report_fault')
_REQUEST = re.compile(r'virtio_iommu_(map|unmap) .*virt_start=(0x[0-9a-f]+)'
                      r' virt_end=(0x[0-9a-f]+)(?: phys_start=(0x[0-9a-f]+))?')
_NOTIFY = re.compile(r'virtio_queue_notify vdev (\S+) n \d+')
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


@dataclass
class Counts:
    """What a trace has between the marks, by the number of the mark."""

    requests: Counter[tuple[int, str]] = field(default_factory=Counter)
    mapped: Counter[tuple[int, str]] = field(default_factory=Counter)
    #: MAP requests that do not go on where the one before ended.
    runs: Counter[int] = field(default_factory=Counter)
    _notified: Counter[tuple[int, str]] = field(default_factory=Counter)
    #: Which device handled requests right after it was notified, how often.
    _owners: Counter[str] = field(default_factory=Counter)
    _current: int = 0
    _last: str = ''
    #: Where the last MAP request ended, in both address spaces.
    _end: tuple[int, int] = (0, 0)

    def feed(self, line: str) -> None:
        """Takes one line of the trace."""
        if found := _REQUEST.search(line):
            self._request(found[1], int(found[2], 16), int(found[3], 16) + 1,
                          int(found[4] or '0', 16))
        elif found := _NOTIFY.search(line):
            self._last = found[1]
            self._notified[self._current, self._last] += 1
        elif (mark := _mark(line)) is not None:
            self._current = mark

    def _request(self, kind: str, start: int, end: int, phys: int) -> None:
        key = (self._current, kind)
        self.requests[key] += 1
        self.mapped[key] += end - start
        self._owners[self._last] += 1
        if kind == 'map':
            self.runs[self._current] += (start, phys) != self._end
            self._end = (end, phys + end - start)

    def notifications(self, number: int) -> int:
        """How often the IOMMU was notified; the other devices do not count."""
        owner = self._owners.most_common(1)
        return self._notified[number, owner[0][0]] if owner else 0


def count(lines: Iterable[str]) -> Counts:
    """Counts what is in a whole trace."""
    counts = Counts()
    for line in lines:
        counts.feed(line)
    return counts


def per_operation(counts: Counts, numbers: Mapping[int, str],
                  ) -> tuple[dict[str, float], dict[str, float]]:
    """Requests per mapped and per unmapped buffer, and notifications per
    buffer, by measurement.

    How many buffers there were is known from the bytes that were mapped. A
    scatter list needs as many requests as its pages lie apart, which differs
    from boot to boot: it is told as ``least``.
    """
    requests, notifications = {}, {}
    for number, name in numbers.items():
        pages = _PAGES.search(name)
        if pages is None:
            continue
        for kind in ('map', 'unmap'):
            buffers = counts.mapped[number, kind] / (int(pages[1]) * PAGE)
            if not buffers:
                continue
            requests[f'{name}-{kind}'] = counts.requests[number, kind] / buffers
            if kind == 'map':
                notifications[name] = counts.notifications(number) / buffers
            if kind == 'map' and name.startswith('sg-'):
                requests[f'{name}-map-least'] = counts.runs[number] / buffers
    return requests, notifications
