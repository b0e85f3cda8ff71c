# SPDX-License-Identifier: GPL-2.0
"""Where the repository, the kernel builds and the results lie."""

from __future__ import annotations

import functools
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Mapping

ARCHES = ('x86_64', 'arm64', 'riscv', 'powerpc')
FLAVOURS = ('test', 'plain', 'trace')

# Below a build directory.
IMAGES = {
    'x86_64': 'arch/x86/boot/bzImage',
    'arm64': 'arch/arm64/boot/Image',
    'riscv': 'arch/riscv/boot/Image',
    'powerpc': 'vmlinux',
}


class MissingInput(Exception):
    """Something that has to be built or installed first; the text says what."""


def default_cache() -> Path:
    """The cache directory that all tools of the project share."""
    named = os.environ.get('RUST_VIRT_CACHE')
    if named:
        return Path(named)
    base = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    return Path(base) / 'rust-virt'


def repository() -> Path:
    """The repository that this package is part of."""
    return Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Layout:
    """All the places that the harness reads from and writes to."""

    repo: Path = field(default_factory=repository)
    cache: Path = field(default_factory=default_cache)
    #: Build directories given by hand, by architecture and flavour.
    builds: Mapping[tuple[str, str], Path] = field(default_factory=dict)

    @property
    def results(self) -> Path:
        """Logs and JSON of all runs."""
        return self.cache / 'results'

    @property
    def guest_sources(self) -> Path:
        """The scripts that run in the guest."""
        return self.repo / 'tools' / 'testing' / 'guest'

    def guest_files(self, arch: str) -> Path:
        """Programs and kselftests compiled for the guest."""
        return self.cache / 'guest' / arch

    def build(self, arch: str, flavour: str) -> Path:
        """The kernel's O= directory."""
        given = self.builds.get((arch, flavour))
        if given is not None:
            return given
        if os.environ.get('KDIR'):
            return _build_of_own_tree(self.repo, arch, flavour)
        return self.cache / 'build' / f'{arch}-{flavour}'

    def image(self, arch: str, flavour: str) -> Path:
        """The kernel image, or MissingInput with the command that makes it."""
        path = self.build(arch, flavour) / IMAGES[arch]
        if not path.is_file():
            raise MissingInput(f'no kernel at {path}: '
                               f'make build ARCH={arch} FLAVOUR={flavour}')
        return path

    def kernel_tree(self, build: Path | None = None) -> Path:
        """The source tree of a build, for the parser that comes with it."""
        candidates = [self.cache / 'linux']
        if build is not None:
            candidates.insert(0, build / 'source')
        if os.environ.get('KDIR'):
            candidates.append(Path(os.environ['KDIR']))
        for tree in candidates:
            if (tree / 'tools/testing/kunit/kunit_parser.py').is_file():
                return tree
        raise MissingInput('no kernel tree with tools/testing/kunit: '
                           'looked at ' + ', '.join(map(str, candidates)))


@functools.cache
def _build_of_own_tree(repo: Path, arch: str, flavour: str) -> Path:
    """tools/build alone knows where it builds a person's own tree."""
    try:
        done = subprocess.run(
            [repo / 'tools' / 'build', arch, '--flavour', flavour,
             '--print', 'output'], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise MissingInput(f'tools/build: {error}') from error
    return Path(done.stdout.strip())


def kernel_config(build: Path) -> dict[str, str]:
    """The symbols set in a build's .config, without the CONFIG_ prefix."""
    try:
        text = (build / '.config').read_text(encoding='utf-8')
    except FileNotFoundError as error:
        raise MissingInput(f'no .config in {build}') from error
    symbols = {}
    for line in text.splitlines():
        name, sign, value = line.partition('=')
        if sign and name.startswith('CONFIG_'):
            symbols[name.removeprefix('CONFIG_')] = value.strip('"')
    return symbols
