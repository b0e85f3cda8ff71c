# SPDX-License-Identifier: GPL-2.0
"""Figures are paired, and requests counted, as the benchmark says."""

import json
import tempfile
import unittest
from pathlib import Path
from xml.etree import ElementTree

from boot import bench_onereg, bench_viommu, benchreport, svg
from boot.bench import Wanted
from boot.figures import Caller, Comparison, Run, Section, compare, scaled
from boot.trace import count, per_operation


def request(kind: str, start: int, end: int) -> str:
    return (f'virtio_iommu_{kind} domain=3 virt_start=0x{start:x} '
            f'virt_end=0x{end:x} phys_start=0x1000 flags=3')


def mark(number: int) -> str:
    return ('virtio_iommu_report_fault FAULT reason=2 flags=258 endpoint=48 '
            f'address =0x{0xb0000000 + number * 4096:x}')


def notify(device: str) -> str:
    return f'virtio_queue_notify vdev {device} n 0 vq 0x7f0000001000'


class TraceTest(unittest.TestCase):
    """trace.count and trace.per_operation."""

    def requests(self, lines: list[str], name: str) -> dict[str, float]:
        return per_operation(count(lines), {1: name})[0]

    def test_requests_between_marks(self) -> None:
        lines = [request('map', 0, 0xfff), mark(1),
                 request('map', 0x1000, 0x4fff),
                 request('map', 0x5000, 0x6fff), request('map', 0x7000, 0x7fff),
                 request('unmap', 0x1000, 0x7fff), 'something else', mark(0),
                 request('map', 0, 0xfff)]
        self.assertEqual(self.requests(lines, 'dma-7p-1t'),
                         {'dma-7p-1t-map': 3.0, 'dma-7p-1t-unmap': 1.0})

    def test_merged_requests_count_less(self) -> None:
        lines = [mark(1), request('map', 0, 0x3fff), request('map', 0, 0x3fff),
                 request('unmap', 0, 0x7fff)]
        self.assertEqual(self.requests(lines, 'dma-4p-1t'),
                         {'dma-4p-1t-map': 1.0, 'dma-4p-1t-unmap': 0.5})

    def test_least_requests_of_a_scatter_list(self) -> None:
        def part(start: int, phys: int) -> str:
            return request('map', start, start + 0xfff).replace(
                'phys_start=0x1000', f'phys_start=0x{phys:x}')

        lines = [mark(1), part(0, 0x5000), part(0x1000, 0x6000),
                 part(0x2000, 0x9000), part(0x3000, 0xa000)]
        self.assertEqual(self.requests(lines, 'sg-4p-1t'),
                         {'sg-4p-1t-map': 4.0, 'sg-4p-1t-map-least': 2.0})

    def test_other_faults_mark_nothing(self) -> None:
        fault = mark(1).replace('0xb0001000', '0xdead000')
        lines = [mark(1), fault, request('map', 0, 0xfff)]
        self.assertEqual(self.requests(lines, 'dma-1p-1t'),
                         {'dma-1p-1t-map': 1.0})

    def test_notifications_of_the_iommu_alone(self) -> None:
        lines = [notify('0x1'), request('map', 0, 0xfff), mark(1),
                 notify('0x1'), request('map', 0, 0xfff), notify('0x2'),
                 notify('0x2'), notify('0x1'), request('unmap', 0, 0xfff),
                 mark(0), notify('0x1')]
        self.assertEqual(per_operation(count(lines), {1: 'dma-1p-1t'})[1],
                         {'dma-1p-1t': 2.0})


class FiguresTest(unittest.TestCase):
    """figures.compare and figures.Run."""

    def test_median_and_spread(self) -> None:
        c = [{'a': 10.0}, {'a': 20.0}, {'a': 30.0}]
        rust = [{'a': 10.0, 'b': 1.0}, {'a': 10.0}, {'a': 15.0}]
        only, = compare(c, rust)
        self.assertEqual((only.name, only.c, only.rust), ('a', 20.0, 10.0))
        self.assertEqual((only.ratio, only.spread), (0.5, (0.5, 1.0)))

    def test_nothing_in_c_has_no_ratio(self) -> None:
        only, = compare([{'a': 0.0}], [{'a': 2.0}])
        self.assertEqual((only.ratio, only.spread), (None, None))

    def test_lines_of_the_guest(self) -> None:
        run = Run()
        for line in ('[    1.5] rv| measure 3 dma-1p-1t',
                     '[    2.5] rv| figure time dma-1p-1t-map 4.2',
                     '[    2.5] rv| caller slab dma-1p-1t-map f 1.5',
                     '[    2.6] rv| ok 1 - dma-1p-1t'):
            run.listen(line)
        self.assertEqual(run.numbers, {3: 'dma-1p-1t'})
        self.assertEqual(run.figures, {'time': {'dma-1p-1t-map': 4.2}})
        self.assertEqual(run.callers,
                         {'slab': [Caller('dma-1p-1t-map', 'f', 1.5)]})

    def test_another_unit(self) -> None:
        self.assertEqual(scaled({'a': 2.5}, 1000), {'a': 2500})


class WantedTest(unittest.TestCase):
    """The kernels that a piece asks for."""

    def test_kernels_of_the_kinds(self) -> None:
        def flavours(*kinds: str) -> list[str]:
            wanted = Wanted(1, kinds=kinds)
            return [k.flavour for k in bench_viommu.kernels(wanted)]

        self.assertEqual(flavours('time', 'instructions'), ['plain'])
        self.assertEqual(flavours(*bench_viommu.KINDS), ['plain', 'trace'])
        self.assertEqual(flavours(), ['plain', 'trace'])

    def test_every_piece_has_kernels_of_its_architecture(self) -> None:
        for piece in (bench_viommu.PIECE, bench_onereg.PIECE):
            arches = {kernel.arch for kernel in piece.kernels(Wanted(1))}
            self.assertEqual(arches, {piece.arch})


class ReportTest(unittest.TestCase):
    """benchreport and svg."""

    SECTION = Section('time-lazy', 'Times & more', (
        Comparison('dma-1p', 10.0, 5.0, (0.4, 0.6)),
        Comparison('dma-2p', 0.0, 0.0, None),
        Comparison('dma-3p', 3.0, 0.0, (0.0, 0.0)),
    ), {'c': [Caller('dma-1p', 'f', 3.0)]})

    def test_pictures_are_well_formed(self) -> None:
        root = ElementTree.fromstring(svg.draw(self.SECTION))
        space = '{http://www.w3.org/2000/svg}'
        texts = [element.text for element in root.iter(f'{space}text')]
        self.assertIn('Times & more', texts)
        self.assertIn('Rust/C 0.50 (0.40..0.60)', texts)
        self.assertIn('0 in C', texts)
        self.assertIn('Rust/C 0.00', texts)

    def test_longer_bars_for_more(self) -> None:
        bars = [float(e.get('width', '0')) for e in ElementTree.fromstring(
            svg.draw(self.SECTION)).iter('{http://www.w3.org/2000/svg}rect')]
        c, rust = bars[-6:-4]
        self.assertGreater(c, rust)
        self.assertEqual(bars[-1], 0.0)

    def test_files(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            benchreport.write(directory, [self.SECTION], 3, '# a title')
            data = json.loads((directory / 'figures.json').read_text())
            text = (directory / 'figures.md').read_text()
            self.assertTrue((directory / 'time-lazy.svg').is_file())
        self.assertEqual(data['sections'][0]['figures'][0]['ratio'], 0.5)
        self.assertIsNone(data['sections'][0]['figures'][1]['ratio'])
        self.assertIn('| dma-1p | 10.00 | 5.00 | 0.50 | 0.40 .. 0.60 |', text)
        self.assertIn('* c: dma-1p: `f` 3', text)


if __name__ == '__main__':
    unittest.main()
