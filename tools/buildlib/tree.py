# SPDX-License-Identifier: GPL-2.0
"""The kernel tree that is built from."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Iterable, Iterator, Mapping, Tuple

from . import fragments
from .errors import BuildError

# They hold no Kconfig file that a kernel configuration reads.
_SKIPPED = frozenset(("Documentation", "tools", ".git", "LICENSES", "scripts/kconfig/tests"))


def check(tree: Path) -> None:
    """Refuses what is not a kernel tree."""
    if not (tree / "scripts/kconfig/merge_config.sh").is_file():
        raise BuildError(f"{tree} is no kernel tree: `make toolroot` unpacks one, "
                         "and KDIR= names another")


def apply_overlay(repository: Path, tree: Path) -> None:
    """Brings the project's files in the tree up to date; quiet where nothing changed."""
    command = [sys.executable, str(repository / "tools/overlay"), "apply", str(tree)]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, check=False)
    if result.returncode != 0:
        raise BuildError(f"the overlay cannot be applied:\n{result.stdout.rstrip()}")
    *_, last = result.stdout.splitlines() or [""]
    if "nothing to do" not in last:
        print(f"  {last.strip()}", flush=True)


def kconfig_files(tree: Path) -> Iterator[Path]:
    """All Kconfig files of the tree, in no order."""
    for directory, below, names in os.walk(tree):
        if directory == str(tree):
            below[:] = [name for name in below if name not in _SKIPPED]
        for name in names:
            if name.startswith("Kconfig"):
                yield Path(directory, name)


def kconfig_state(tree: Path) -> str:
    """A digest that changes when any Kconfig file does."""
    digest = hashlib.sha256()
    for path in sorted(kconfig_files(tree)):
        state = path.stat()
        digest.update(f"{path} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def definitions(tree: Path, symbols: Iterable[str]) -> Mapping[str, fragments.Definition]:
    """Where Kconfig defines the symbols; those it does not know are left out."""
    wanted = frozenset(symbols)
    found: dict[str, fragments.Definition] = {}
    for path in sorted(kconfig_files(tree), key=_generic_first):
        text = path.read_text(encoding="utf-8", errors="replace")
        place = str(path.relative_to(tree))
        for symbol, definition in fragments.find_definitions(place, text, wanted).items():
            found.setdefault(symbol, definition)
    return found


def _generic_first(path: Path) -> Tuple[bool, str]:
    return "arch" in path.parts, str(path)
