# SPDX-License-Identifier: GPL-2.0
"""Reading tools/packages.txt."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

from .errors import ToolRootError

BASE_SUITE = "trixie"
BACKPORTS_SUITE = "trixie-backports"
UNPACK_SECTION = "unpack"
SECTIONS = (BASE_SUITE, BACKPORTS_SUITE, UNPACK_SECTION)

# The project's names for the Debian architectures of the guests.
GUEST_ARCHES = {"amd64": "x86_64", "arm64": "arm64", "riscv64": "riscv", "ppc64el": "powerpc"}

_SECTION = re.compile(r"\[([a-z-]+)\]")
_PACKAGE = re.compile(r"([a-z0-9][a-z0-9+.-]+)(?::([a-z0-9]+))?(?:\s+\[(!?)([a-z0-9]+)\])?")
_CLANG = re.compile(r"clang-[0-9]+")


@dataclass(frozen=True)
class Unpacked:
    """A package of a guest architecture of which only the files are wanted."""

    name: str
    debian_arch: str

    @property
    def guest_arch(self) -> str:
        return GUEST_ARCHES[self.debian_arch]


@dataclass(frozen=True)
class PackageList:
    """What to install from each suite, in the order of the file."""

    base: Tuple[str, ...]
    backports: Tuple[str, ...]
    unpack: Tuple[Unpacked, ...]

    @property
    def linux_source(self) -> str:
        """The package that holds the kernel tree, also its tarball's name."""
        found = [name for name in self.base + self.backports if name.startswith("linux-source-")]
        if len(found) != 1:
            raise ToolRootError("tools/packages.txt has to name exactly one linux-source package")
        return found[0]

    @property
    def llvm(self) -> Optional[str]:
        """The version of the LLVM that is asked for, if a certain one is."""
        found = [name[len("clang-"):] for name in self.base if _CLANG.fullmatch(name)]
        return found[0] if found else None

    def fingerprint_text(self) -> str:
        """The content without comments, order or spacing."""
        unpack = [f"{item.name}:{item.debian_arch}" for item in self.unpack]
        parts = (sorted(self.base), sorted(self.backports), sorted(unpack))
        return "\n".join(" ".join(part) for part in parts)


def parse_packages(text: str, host_arch: str) -> PackageList:
    """Parses the list for a host of the Debian architecture `host_arch`."""
    names: Dict[str, List[str]] = {BASE_SUITE: [], BACKPORTS_SUITE: []}
    unpack: List[Unpacked] = []
    section: Optional[str] = None
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.split("#", 1)[0].strip()
        if not line:
            continue
        heading = _SECTION.fullmatch(line)
        if heading:
            section = _known_section(heading.group(1), number)
            continue
        match = _PACKAGE.fullmatch(line)
        if not match or section is None:
            raise _bad_line(number, line)
        name, arch, negated, wanted = match.groups()
        if section == UNPACK_SECTION:
            if arch not in GUEST_ARCHES or wanted:
                raise _bad_line(number, line)
            unpack.append(Unpacked(name, arch))
        elif arch:
            raise _bad_line(number, line)
        elif wanted is None or (wanted == host_arch) != bool(negated):
            names[section].append(name)
    _refuse_repetition(names[BASE_SUITE] + names[BACKPORTS_SUITE])
    return PackageList(tuple(names[BASE_SUITE]), tuple(names[BACKPORTS_SUITE]), tuple(unpack))


def _known_section(name: str, number: int) -> str:
    if name not in SECTIONS:
        raise ToolRootError(f"tools/packages.txt line {number}: no such section: {name}")
    return name


def _bad_line(number: int, line: str) -> ToolRootError:
    return ToolRootError(f"tools/packages.txt line {number} is not understood: {line}")


def _refuse_repetition(names: List[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ToolRootError(f"tools/packages.txt names twice: {' '.join(repeated)}")
