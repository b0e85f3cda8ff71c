# SPDX-License-Identifier: GPL-2.0
"""Figures that a guest measured, and those of two drivers side by side."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median
from typing import Iterable, Mapping, Sequence

from boot import protocol

_FIGURE = protocol.OUTPUT + 'figure '
_CALLER = protocol.OUTPUT + 'caller '
_MEASURE = protocol.OUTPUT + 'measure '

Figures = Mapping[str, float]


@dataclass(frozen=True)
class Caller:
    """How much of a figure is due to one function."""

    name: str
    function: str
    value: float


@dataclass
class Run:
    """What one boot said."""

    #: By kind and name.
    figures: dict[str, dict[str, float]] = field(
        default_factory=lambda: defaultdict(dict))
    callers: dict[str, list[Caller]] = field(
        default_factory=lambda: defaultdict(list))
    #: The number under which a measurement stands in the trace.
    numbers: dict[int, str] = field(default_factory=dict)

    def listen(self, line: str) -> None:
        """Takes one line of the console."""
        text = protocol.strip_prefix(line)
        if text.startswith(_FIGURE):
            kind, name, value = text.removeprefix(_FIGURE).split()
            self.figures[kind][name] = float(value)
        elif text.startswith(_CALLER):
            kind, name, function, value = text.removeprefix(_CALLER).split()
            self.callers[kind].append(Caller(name, function, float(value)))
        elif text.startswith(_MEASURE):
            number, name = text.removeprefix(_MEASURE).split()
            self.numbers[int(number)] = name


def ratio(c: float, rust: float) -> float | None:
    """Below 1 the Rust driver does with less; None where C needs nothing."""
    return rust / c if c else None


@dataclass(frozen=True)
class Comparison:
    """One figure of both drivers; ``spread`` is the ratio in single rounds."""

    name: str
    c: float
    rust: float
    spread: tuple[float, float] | None

    @property
    def ratio(self) -> float | None:
        """Of the medians."""
        return ratio(self.c, self.rust)


def compare(c: Sequence[Figures],
            rust: Sequence[Figures]) -> list[Comparison]:
    """The figures that every run has, in the order of the first."""
    names = [name for name in c[0]
             if all(name in run for run in (*c, *rust))]
    found = []
    for name in names:
        theirs, ours = ([run[name] for run in runs] for runs in (c, rust))
        ratios = [value for pair in zip(theirs, ours)
                  if (value := ratio(*pair)) is not None]
        found.append(Comparison(name, median(theirs), median(ours),
                                (min(ratios), max(ratios)) if ratios else None))
    return found


@dataclass(frozen=True)
class Section:
    """Comparisons that belong together: one table, one plot."""

    key: str
    title: str
    comparisons: Sequence[Comparison]
    #: By driver; which functions the figures are due to.
    callers: Mapping[str, Sequence[Caller]] = field(default_factory=dict)


def scaled(figures: Figures, factor: float) -> dict[str, float]:
    """The same in another unit."""
    return {name: value * factor for name, value in figures.items()}


def section(key: str, title: str, runs: Mapping[str, Iterable[Figures]],
            callers: Mapping[str, Sequence[Caller]] | None = None) -> Section:
    """The section of what the runs of the drivers ``c`` and ``rust`` said."""
    return Section(key, title,
                   compare(list(runs['c']), list(runs['rust'])), callers or {})
