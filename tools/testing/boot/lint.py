# SPDX-License-Identifier: GPL-2.0
"""The checkers of form: rustfmt, shellcheck, mypy and codespell on all files."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable, Iterator, Sequence

from boot.hoststage import run_logged
from boot.paths import Layout
from boot.results import Outcome, StageResult, failed, passed, skipped

NAME = 'host/lint'
_SHELL = re.compile(r'#!.*\b(?:ba|da)?sh$|# shellcheck shell=')
#: Words of programs that codespell takes for others.
_WORDS = 'statics,optin,inout'
_UNREAD = re.compile(r'\.(?!ci$)|target$|corpus$|__pycache__$')
_TAIL = 40


@dataclass(frozen=True)
class Checker:
    """One program, and what it is to read."""

    name: str
    argv: Sequence[str]
    #: Where it runs, and where it finds Python packages.
    where: Path


def _files(repo: Path) -> Iterator[Path]:
    """All text files of the repository, from its top."""
    for folder, folders, names in os.walk(repo):
        folders[:] = sorted(f for f in folders if not _UNREAD.match(f))
        for name in sorted(names):
            path = Path(folder, name)
            if not path.is_symlink() and name != 'Cargo.lock':
                yield path.relative_to(repo)


def _is_shell(path: Path) -> bool:
    """Whether it says so in its first lines."""
    try:
        with path.open(encoding='utf-8') as text:
            return any(_SHELL.match(next(text, '').rstrip('\n'))
                       for _ in range(3))
    except UnicodeDecodeError:
        return False


def _checkers(layout: Layout) -> list[Checker]:
    repo = layout.repo
    files = list(_files(repo))
    style = layout.kernel_tree() / '.rustfmt.toml'
    rust = [str(f) for f in files if f.suffix == '.rs']
    shell = [str(f) for f in files if _is_shell(repo / f)]
    python = [(repo / 'tools', name) for name in
              ('bootstraplib', 'buildlib', 'overlaylib')]
    python.append((repo / 'tools' / 'testing', 'boot'))
    return [
        Checker('rustfmt', ('rustfmt', '--check', '--edition', '2021',
                            '--config-path', str(style),
                            '--config', 'skip_children=true', *rust), repo),
        Checker('shellcheck', ('shellcheck', *shell), repo),
        *(Checker(f'mypy {package}', ('mypy', '--strict', '-p', package), top)
          for top, package in python),
        Checker('codespell', ('codespell', '-L', _WORDS, *map(str, files)), repo),
    ]


def _check(checker: Checker, log: Path, scratch: str,
           watch: Callable[[str], None]) -> Outcome:
    name = f'{NAME}/{checker.name}'
    program = checker.argv[0]
    if shutil.which(program) is None:
        return skipped(name, f'{program} is not installed')
    env = {**os.environ, 'MYPY_CACHE_DIR': scratch}
    status, lines = run_logged(checker.argv, checker.where, log, env, watch)
    if status == 0:
        return passed(name)
    return failed(name, f'exit status {status}\n' + '\n'.join(lines[-_TAIL:]))


def stage(layout: Layout, logs: Path,
          watch: Callable[[str], None]) -> StageResult:
    """Every checker on every file that is for it."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix='rv-lint-') as scratch:
        outcomes = [
            replace(_check(checker, logs / f'host-lint-{number}.log', scratch,
                           watch), reproduce='make check-host')
            for number, checker in enumerate(_checkers(layout))]
    return StageResult(NAME, outcomes, time.monotonic() - started)
