# SPDX-License-Identifier: GPL-2.0
"""Applies hunks without fuzz: each old line must match byte for byte.

A hunk goes where its header says, moved by what the hunk before it was moved; failing that, to
the only other place where it fits. Where it fits at several places it is refused, because a hunk
with one line of context can fit the wrong block of a Kconfig file without anyone noticing.
"""

from __future__ import annotations

from .patchfile import FileDiff, Hunk, split_lines
from .refusal import Refusal


def apply_diff(label: str, diff: FileDiff, content: bytes) -> bytes:
    """The new content of the file, or a Refusal that names the file and the hunk."""
    lines = split_lines(content)
    result: list[bytes] = []
    done = 0
    moved = 0
    for hunk in diff.hunks:
        place = _find_place(f"{label}: {diff.path}: hunk {hunk.number}", hunk, lines, done, moved)
        result += lines[done:place] + hunk.new
        done = place + len(hunk.old)
        moved = place - (hunk.old_start - 1)
    return b"".join(result + lines[done:])


def _find_place(where: str, hunk: Hunk, lines: list[bytes], first: int, moved: int) -> int:
    old = hunk.old
    expected = hunk.old_start - 1 + moved
    if expected >= first and lines[expected:expected + len(old)] == old:
        return expected
    places = _matches(old, lines, first)
    if len(places) == 1:
        return places[0]
    if places:
        numbers = ", ".join(str(place + 1) for place in places)
        raise Refusal(f"{where} (line {hunk.old_start}) fits at several places (lines {numbers}): "
                      "it needs more context")
    hint = ""
    if len(hunk.new) > 1 and _matches(hunk.new, lines, 0):
        hint = "; its result stands in the file already"
    raise Refusal(f"{where} (line {hunk.old_start}) does not fit{hint}")


def _matches(wanted: list[bytes], lines: list[bytes], first: int) -> list[int]:
    size = len(wanted)
    return [place for place in range(first, len(lines) - size + 1)
            if lines[place] == wanted[0] and lines[place:place + size] == wanted]
