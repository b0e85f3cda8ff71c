# SPDX-License-Identifier: GPL-2.0
"""What a build tells at its end."""

from __future__ import annotations

from pathlib import Path
from typing import List, Tuple

from .kernel import Kernel

_HITS = frozenset(("direct_cache_hit", "preprocessed_cache_hit"))
_MISS = "cache_miss"
# What Kconfig compiles to ask whether an option exists.
_PROBES = frozenset(("", "/dev/null"))
_SHOWN_WARNINGS = 5


def ccache_counts(log: str) -> Tuple[int, int]:
    """Hits and misses in ccache's log of one build, without Kconfig's probes."""
    hits = misses = 0
    is_source = False
    for line in log.splitlines():
        if line.startswith("#"):
            is_source = line[1:].strip() not in _PROBES
        elif is_source:
            hits += line in _HITS
            misses += line == _MISS
    return hits, misses


def size(path: Path) -> str:
    """A file's size for people."""
    return f"{path.stat().st_size / 1e6:.1f} MB"


def lines(kernel: Kernel, warnings: List[str]) -> List[str]:
    """What was built, how large it is, and what ccache spared."""
    result = [f"  image {kernel.image} ({size(kernel.image)})"]
    modules = sorted(kernel.modules.glob("lib/modules/*/**/*.ko"))
    if modules:
        result.append(f"  {len(modules)} modules in {kernel.modules}: "
                      + " ".join(path.stem for path in modules))
    statistics = kernel.output / "ccache.log"
    if statistics.is_file():
        hits, misses = ccache_counts(statistics.read_text(encoding="utf-8", errors="replace"))
        if hits + misses:
            result.append(f"  ccache: {hits} of {hits + misses} compilations found")
    if warnings:
        result.append(f"  {len(warnings)} warnings, all in {kernel.log}:")
        result += [f"    {text.strip()}" for text in warnings[:_SHOWN_WARNINGS]]
    return result
