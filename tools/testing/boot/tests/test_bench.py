# SPDX-License-Identifier: GPL-2.0
"""Figures are paired, and requests counted, as the benchmark says."""

import unittest

from boot.bench import Run, compare
from boot.trace import per_operation


def request(kind: str, start: int, end: int) -> str:
    return (f'virtio_iommu_{kind} domain=3 virt_start=0x{start:x} '
            f'virt_end=0x{end:x} phys_start=0x1000 flags=3')


def mark(number: int) -> str:
    return ('virtio_iommu_report_fault FAULT reason=2 flags=258 endpoint=48 '
            f'address =0x{0xb0000000 + number * 4096:x}')


class TraceTest(unittest.TestCase):
    """trace.per_operation."""

    def test_requests_between_marks(self) -> None:
        lines = [request('map', 0, 0xfff), mark(1),
                 request('map', 0x1000, 0x4fff),
                 request('map', 0x5000, 0x6fff), request('map', 0x7000, 0x7fff),
                 request('unmap', 0x1000, 0x7fff), 'something else', mark(0),
                 request('map', 0, 0xfff)]
        self.assertEqual(per_operation(lines, {1: 'dma-7p-1t'}),
                         {'dma-7p-1t-map': 3.0, 'dma-7p-1t-unmap': 1.0})

    def test_merged_requests_count_less(self) -> None:
        lines = [mark(2), request('unmap', 0, 0x7fff)]
        self.assertEqual(per_operation(lines, {2: 'dma-4p-1t'}),
                         {'dma-4p-1t-unmap': 0.5})

    def test_other_faults_mark_nothing(self) -> None:
        fault = mark(1).replace('0xb0001000', '0xdead000')
        lines = [mark(1), fault, request('map', 0, 0xfff)]
        self.assertEqual(per_operation(lines, {1: 'dma-1p-1t'}),
                         {'dma-1p-1t-map': 1.0})


class CompareTest(unittest.TestCase):
    """bench.compare and bench.Run."""

    def test_median_and_spread(self) -> None:
        c = [{'a': 10.0}, {'a': 20.0}, {'a': 30.0}]
        rust = [{'a': 10.0, 'b': 1.0}, {'a': 10.0}, {'a': 15.0}]
        only, = compare(c, rust)
        self.assertEqual((only.name, only.c, only.rust), ('a', 20.0, 10.0))
        self.assertEqual((only.ratio, only.spread), (0.5, (0.5, 1.0)))

    def test_lines_of_the_guest(self) -> None:
        run = Run()
        for line in ('[    1.5] rv| measure 3 dma-1p-1t',
                     '[    2.5] rv| figure dma-1p-1t-map 4.2',
                     '[    2.6] rv| ok 1 - dma-1p-1t'):
            run.listen(line)
        self.assertEqual((run.numbers, run.figures),
                         ({3: 'dma-1p-1t'}, {'dma-1p-1t-map': 4.2}))


if __name__ == '__main__':
    unittest.main()
