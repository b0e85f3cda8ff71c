# SPDX-License-Identifier: GPL-2.0
"""Bars of both drivers, one figure below the other, as SVG."""

from __future__ import annotations

import math
from html import escape
from typing import Sequence

from boot.figures import Comparison, Section

_NAMES = 210
_BARS = 420
_LABELS = 190
_ROW = 34
_BAR = 12
_TOP = 56
_BOTTOM = 30
_COLOURS = {'C': '#888888', 'Rust': '#c2571a'}
_FONT = 'font-family="sans-serif" font-size="12"'


class _Scale:
    """A logarithmic axis over whole powers of ten."""

    def __init__(self, values: Sequence[float]) -> None:
        positive = [value for value in values if value > 0] or [1.0]
        self.low = math.floor(math.log10(min(positive)))
        self.high = max(math.ceil(math.log10(max(positive))), self.low + 1)

    def width(self, value: float) -> float:
        """How long a bar is; zero has none, and the smallest a bit."""
        if value <= 0:
            return 0.0
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return max(part * _BARS, 2.0)

    def powers(self) -> range:
        """Where the axis has lines."""
        return range(self.low, self.high + 1)


def _text(x: float, y: float, text: str, anchor: str = 'start',
          extra: str = '') -> str:
    return (f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" {_FONT}'
            f'{extra}>{escape(text)}</text>')


def _rectangle(x: float, y: float, width: float, colour: str) -> str:
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
            f'height="{_BAR}" fill="{colour}"/>')


def label(comparison: Comparison) -> str:
    """The ratio, with the spread where rounds differ."""
    if comparison.ratio is None:
        return '0 in C'
    text = f'Rust/C {comparison.ratio:.2f}'
    low, high = comparison.spread or (comparison.ratio, comparison.ratio)
    return text if low == high else f'{text} ({low:.2f}..{high:.2f})'


def _axis(scale: _Scale, height: int) -> list[str]:
    parts = []
    for power in scale.powers():
        x = _NAMES + scale.width(10.0 ** power) * (power > scale.low)
        parts.append(f'<line x1="{x:.1f}" y1="{_TOP - 6}" x2="{x:.1f}" '
                     f'y2="{height - _BOTTOM}" stroke="#dddddd"/>')
        parts.append(_text(x, height - _BOTTOM + 16, f'{10.0 ** power:g}',
                           'middle'))
    return parts


def _row(comparison: Comparison, y: int, scale: _Scale) -> list[str]:
    return [
        _text(_NAMES - 8, y + _BAR + 4, comparison.name, 'end'),
        _rectangle(_NAMES, y, scale.width(comparison.c), _COLOURS['C']),
        _rectangle(_NAMES, y + _BAR, scale.width(comparison.rust),
                   _COLOURS['Rust']),
        _text(_NAMES + _BARS + 8, y + _BAR + 4, label(comparison)),
    ]


def _legend() -> list[str]:
    parts, x = [], float(_NAMES)
    for name, colour in _COLOURS.items():
        parts += [_rectangle(x, 28, _BAR, colour), _text(x + 18, 38, name)]
        x += 70
    return parts


def draw(section: Section) -> str:
    """The picture of one section."""
    rows = section.comparisons
    height = _TOP + _ROW * len(rows) + _BOTTOM
    width = _NAMES + _BARS + _LABELS
    scale = _Scale([value for row in rows for value in (row.c, row.rust)])
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
             f'height="{height}" viewBox="0 0 {width} {height}">',
             f'<rect width="{width}" height="{height}" fill="white"/>',
             _text(10, 18, section.title, extra=' font-weight="bold"'),
             *_legend(), *_axis(scale, height)]
    for number, row in enumerate(rows):
        parts += _row(row, _TOP + number * _ROW, scale)
    return '\n'.join([*parts, '</svg>', ''])
