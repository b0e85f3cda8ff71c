# SPDX-License-Identifier: GPL-2.0
"""What ``bench`` found out: on the terminal, as Markdown, JSON and SVG."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Iterable, Sequence

from rich.console import Console
from rich.table import Table

from boot import svg
from boot.figures import Comparison, Section

COLUMNS = ('', 'C', 'Rust', 'Rust/C', 'in single rounds')


def cells(comparison: Comparison) -> tuple[str, ...]:
    """One line of a table."""
    ratio, spread = comparison.ratio, comparison.spread
    return (comparison.name, f'{comparison.c:.2f}', f'{comparison.rust:.2f}',
            '-' if ratio is None else f'{ratio:.2f}',
            '-' if spread is None else f'{spread[0]:.2f} .. {spread[1]:.2f}')


def show(console: Console, section: Section) -> None:
    """A table on the terminal."""
    table = Table(title=section.title, title_justify='left')
    for number, column in enumerate(COLUMNS):
        table.add_column(column, justify='right' if number else 'left')
    for comparison in section.comparisons:
        table.add_row(*cells(comparison))
    console.print(table)


def markdown(sections: Iterable[Section], heading: str) -> str:
    """All tables, with who is behind the figures where that is known."""
    lines = [heading]
    for section in sections:
        lines += ['', f'## {section.title}', '',
                  '| ' + ' | '.join(COLUMNS) + ' |',
                  '|---' + '|---:' * (len(COLUMNS) - 1) + '|']
        lines += ['| ' + ' | '.join(cells(comparison)) + ' |'
                  for comparison in section.comparisons]
        lines += _callers(section)
    return '\n'.join(lines) + '\n'


def _callers(section: Section) -> list[str]:
    lines = []
    for driver, callers in section.callers.items():
        lines += [f'* {driver}: {caller.name}: `{caller.function}` '
                  f'{caller.value:g}' for caller in callers]
    return ['', *lines] if lines else []


def as_json(sections: Iterable[Section], rounds: int) -> dict[str, Any]:
    """For programs."""
    return {'rounds': rounds, 'sections': [
        {'key': section.key, 'title': section.title,
         'figures': [{'name': c.name, 'c': c.c, 'rust': c.rust,
                      'ratio': c.ratio, 'spread': c.spread}
                     for c in section.comparisons],
         'callers': {driver: [asdict(caller) for caller in callers]
                     for driver, callers in section.callers.items()}}
        for section in sections]}


def write(directory: Path, sections: Sequence[Section], rounds: int,
          heading: str) -> None:
    """Keeps everything in the directory of the run's logs."""
    text = json.dumps(as_json(sections, rounds), indent=1)
    (directory / 'figures.json').write_text(text + '\n', encoding='utf-8')
    (directory / 'figures.md').write_text(markdown(sections, heading),
                                          encoding='utf-8')
    for section in sections:
        (directory / f'{section.key}.svg').write_text(svg.draw(section),
                                                      encoding='utf-8')
