# SPDX-License-Identifier: GPL-2.0
"""What the documents say is tested, and whether there are such tests."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Iterable, Iterator, Sequence

from boot.plan import Boot

#: Columns of tables that name tests.
TEST_COLUMNS = ('Test', 'Cases')
_TABLE = '.. list-table::'
_LITERAL = re.compile(r'``(.+?)``')
_SUITE = re.compile(r'kunit_tests\((\w+)\)')
_SELFTEST = re.compile(r'^TEST(?:_F)?\((?:\w+, )?(\w+)\)', re.MULTILINE)
_CASE = re.compile(r'#\[test\]\n(?:\s*#\[.*\]\n)*\s*fn (\w+)')
_LIE = re.compile(r'^([a-z]+/[a-z0-9/-]+) ', re.MULTILINE)
_TARGET = re.compile(r'^([a-z-]+):', re.MULTILINE)


def tables(text: str) -> Iterator[list[list[str]]]:
    """The list tables of a document: rows of cells, each in one line."""
    lines = iter(text.splitlines())
    for line in lines:
        if line != _TABLE:
            continue
        rows: list[list[str]] = []
        for row in lines:
            if row.startswith('   * - '):
                rows.append([row[7:].strip()])
            elif row.startswith('     - ') and rows:
                rows[-1].append(row[7:].strip())
            elif row.startswith('   ') and rows:
                rows[-1][-1] += ' ' + row.strip()
            elif row and not row.startswith('   '):
                break
        yield rows


def column(rows: Sequence[Sequence[str]], names: Iterable[str]) -> int | None:
    """Which column has one of these names."""
    heads = rows[0] if rows else ()
    return next((heads.index(name) for name in names if name in heads), None)


@dataclass
class Known:
    """The names of all tests that there are."""

    #: KUnit cases by suite, and those of our selftests by program.
    suites: dict[str, set[str]] = field(default_factory=dict)
    #: What each guest test says, by its name.
    guest: dict[str, str] = field(default_factory=dict)
    #: Boots, and what is said of them as a whole.
    boots: set[str] = field(default_factory=set)
    fuzz: set[str] = field(default_factory=set)
    lies: set[str] = field(default_factory=set)
    commands: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, repo: Path, boots: Iterable[Boot]) -> Known:
        """What is in the sources, and in the boots of a default run."""
        known = cls()
        for source in sorted([*repo.glob('rust/kernel/**/*.rs'),
                              *repo.glob('arch/**/*.rs'),
                              *repo.glob('drivers/**/*.rs')]):
            known.add_source(source.read_text(encoding='utf-8'))
        testing = repo / 'tools' / 'testing'
        for boot in boots:
            if boot.on_request:
                continue
            known.boots |= {boot.name, *(t.name for t in boot.traces)}
            for test in boot.tests:
                script = testing / 'guest' / 'tests' / f'{test.name}.sh'
                known.guest[test.name] = script.read_text(encoding='utf-8')
        for source in sorted((testing / 'selftests').glob('**/*_test.c')):
            known.add_selftest(source.stem, source.read_text(encoding='utf-8'))
        known.fuzz = {path.stem for path
                      in (testing / 'host/fuzz/src/bin').glob('*.rs')}
        cases = testing / 'guest' / 'lib' / 'hostile-cases.sh'
        known.lies = set(_LIE.findall(cases.read_text(encoding='utf-8')))
        makefile = (repo / 'Makefile').read_text(encoding='utf-8')
        known.commands = {f'make {target}'
                          for target in _TARGET.findall(makefile)}
        return known

    def add_source(self, text: str) -> None:
        """The KUnit suites in a Rust file."""
        parts = _SUITE.split(text)
        for suite, body in zip(parts[1::2], parts[2::2]):
            self.suites.setdefault(suite, set()).update(_CASE.findall(body))

    def add_selftest(self, program: str, text: str) -> None:
        """The cases of a selftest, if one of the guest tests runs it."""
        if any(program in script for script in self.guest.values()):
            self.suites[program] = set(_SELFTEST.findall(text))

    def has(self, name: str) -> bool:
        """Whether there is such a test, other than a fuzz target."""
        if '/' in name:
            return any(fnmatchcase(lie, name) for lie in self.lies)
        test, colon, case = name.partition(': ')
        if colon:
            return f'"{case}"' in self.guest.get(test, '')
        suite, _, case = name.partition('.')
        if suite in self.suites:
            return not case or case in self.suites[suite]
        return name in self.guest or name in self.boots


def named(cell: str) -> Iterator[tuple[str, bool]]:
    """The tests that a cell names, and whether each is a fuzz target.

    A name that begins with a dot is of the suite named last.
    """
    suite = ''
    for clause in cell.split(';'):
        for name in _LITERAL.findall(clause):
            if name.startswith('.'):
                name = suite + name
            suite = name.partition('.')[0]
            yield name, 'fuzz target' in clause


def unknown(text: str, known: Known) -> list[str]:
    """What a document's tables name and nobody has; what names no test."""
    wrong: list[str] = []
    for rows in tables(text):
        place = column(rows, TEST_COLUMNS)
        if place is None:
            continue
        for row in rows[1:]:
            found = list(named(row[place])) if place < len(row) else []
            if all(name in known.commands for name, _ in found):
                wrong.append(f'no test: {row[0]} {row[1]}')
            wrong += [name for name, fuzzed in found
                      if not (name in known.fuzz if fuzzed else
                              known.has(name) or name in known.commands)]
    return wrong
