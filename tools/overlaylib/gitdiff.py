# SPDX-License-Identifier: GPL-2.0
"""Writes changes of whole files as git writes them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Iterable

from .patchfile import FileDiff, split_lines
from .refusal import Refusal

CONTEXT = 3
GRAPH_WIDTH = 40


@dataclass(frozen=True)
class FileChange:
    """One file in one commit; `old` is None for a new file.

    Without a base tree only the hunks of an edit are known, and `diff` stands for its content.
    """

    path: str
    mode: int
    old: bytes | None = None
    new: bytes = b""
    diff: FileDiff | None = None

    def hunks(self) -> list[bytes]:
        if self.diff:
            return _given_hunks(self.diff)
        return _computed_hunks(split_lines(self.old or b""), split_lines(self.new))

    def text(self) -> bytes:
        """The part of a patch that stands for this file."""
        if b"\0" in self.new:
            raise Refusal(f"{self.path} is a binary file, which no mail can carry")
        name = self.path.encode()
        mode = b"%06o" % (0o100755 if self.mode & 0o100 else 0o100644)
        lines = [b"diff --git a/%s b/%s\n" % (name, name)]
        if self.diff is None:
            old = _blob_id(self.old) if self.old is not None else b"0" * 40
            if self.old is None:
                lines.append(b"new file mode %s\n" % mode)
            lines.append(b"index %s..%s%s\n" % (old, _blob_id(self.new),
                                                 b"" if self.old is None else b" " + mode))
        hunks = self.hunks()
        if hunks:
            lines.append(b"--- /dev/null\n" if self._is_new else b"--- a/%s\n" % name)
            lines.append(b"+++ b/%s\n" % name)
        return b"".join(lines + hunks)

    @property
    def _is_new(self) -> bool:
        return self.old is None and self.diff is None

    def counts(self) -> tuple[int, int]:
        """Lines added and removed."""
        lines = [line for hunk in self.hunks() for line in split_lines(hunk)]
        return (sum(line[:1] == b"+" for line in lines), sum(line[:1] == b"-" for line in lines))


def _blob_id(data: bytes) -> bytes:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest().encode()


def _line(sign: bytes, line: bytes) -> bytes:
    end = b"" if line.endswith(b"\n") else b"\n\\ No newline at end of file\n"
    return sign + line + end


def _range(start: int, count: int) -> bytes:
    # An empty range is counted from the line before it.
    return b"%d,%d" % (start + 1 if count else start, count)


def _computed_hunks(old: list[bytes], new: list[bytes]) -> list[bytes]:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    hunks: list[bytes] = []
    for group in matcher.get_grouped_opcodes(CONTEXT):
        _, old_start, _, new_start, _ = group[0]
        _, _, old_end, _, new_end = group[-1]
        parts = [b"@@ -%s +%s @@\n" % (_range(old_start, old_end - old_start),
                                       _range(new_start, new_end - new_start))]
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                parts += [_line(b" ", line) for line in old[old_from:old_to]]
                continue
            parts += [_line(b"-", line) for line in old[old_from:old_to]]
            parts += [_line(b"+", line) for line in new[new_from:new_to]]
        hunks.append(b"".join(parts))
    return hunks


def _given_hunks(diff: FileDiff) -> list[bytes]:
    hunks: list[bytes] = []
    for hunk in diff.hunks:
        head = b"@@ -%d,%d +%d,%d @@\n" % (hunk.old_start, len(hunk.old),
                                           hunk.new_start, len(hunk.new))
        hunks.append(head + b"".join(_line(sign, line) for sign, line in hunk.lines))
    return hunks


def diffstat(changes: Iterable[FileChange]) -> str:
    """The table that stands between message and diff."""
    totals: dict[str, tuple[int, int]] = {}
    created: dict[str, int] = {}
    for change in changes:
        added, removed = change.counts()
        before = totals.get(change.path, (0, 0))
        totals[change.path] = (before[0] + added, before[1] + removed)
        if change.old is None and change.diff is None:
            created[change.path] = 0o100755 if change.mode & 0o100 else 0o100644
    width = max((len(path) for path in totals), default=0)
    largest = max((sum(pair) for pair in totals.values()), default=0)
    scale = min(1.0, GRAPH_WIDTH / largest) if largest else 1.0
    rows = []
    for path, (added, removed) in sorted(totals.items()):
        graph = "+" * _scaled(added, scale) + "-" * _scaled(removed, scale)
        rows.append(f" {path:{width}} | {added + removed:5} {graph}".rstrip())
    rows.append(f" {len(totals)} files changed, {sum(pair[0] for pair in totals.values())} "
                f"insertions(+), {sum(pair[1] for pair in totals.values())} deletions(-)")
    rows += [f" create mode {mode:06o} {path}" for path, mode in sorted(created.items())]
    return "\n".join(rows) + "\n"


def _scaled(count: int, scale: float) -> int:
    return max(1, round(count * scale)) if count else 0
