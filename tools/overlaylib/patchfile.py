# SPDX-License-Identifier: GPL-2.0
"""Reads the mail-format patches of patches/ and refuses what they must not carry."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Iterator

from .refusal import Refusal

HUNK_HEADER = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
MAIL_HEADER = re.compile(r"^([A-Za-z][A-Za-z0-9-]*):[ \t]*(.*)$")
SUBJECT_TAG = re.compile(r"^\s*\[PATCH[^\]]*\]\s*")
SIGN_OFF = re.compile(r"signed-off-by\s*:", re.IGNORECASE)
EXTENDED_HEADERS = (b"new file", b"deleted file", b"rename ", b"copy ", b"old mode",
                    b"new mode", b"similarity ", b"dissimilarity ", b"GIT binary patch",
                    b"Binary files")
NEW_FILES = "X-New-Files"


@dataclass(frozen=True)
class Hunk:
    """Lines keep their line ends, so a last line without one is told apart."""

    number: int
    old_start: int
    new_start: int
    lines: tuple[tuple[bytes, bytes], ...]

    @property
    def old(self) -> list[bytes]:
        return [line for sign, line in self.lines if sign != b"+"]

    @property
    def new(self) -> list[bytes]:
        return [line for sign, line in self.lines if sign != b"-"]


@dataclass(frozen=True)
class FileDiff:
    path: str
    hunks: tuple[Hunk, ...]


@dataclass(frozen=True)
class MailPatch:
    name: str
    subject: str
    body: str
    new_files: tuple[str, ...]
    diffs: tuple[FileDiff, ...]

    @property
    def label(self) -> str:
        return f"patches/{self.name}"


class _Lines:
    """A cursor over the raw lines of one patch."""

    def __init__(self, data: bytes) -> None:
        self.lines = split_lines(data)
        self.at = 0

    def peek(self) -> bytes | None:
        return self.lines[self.at] if self.at < len(self.lines) else None

    def take(self) -> bytes | None:
        line = self.peek()
        self.at += 1
        return line


def split_lines(data: bytes) -> list[bytes]:
    """Splits at newlines only, as diff does; bytes.splitlines also splits at returns."""
    return data.splitlines(keepends=True) if b"\r" not in data else list(io.BytesIO(data))


def relative_path(text: str) -> str | None:
    """The path in the tree, or None where it could lead out of the tree."""
    path = PurePosixPath(text)
    if not text or path.is_absolute() or ".." in path.parts or str(path) != text:
        return None
    return text


def read_patches(folder: Path) -> list[MailPatch]:
    """All patches in name order; every fault of every patch is told at once."""
    problems: list[str] = []
    patches: list[MailPatch] = []
    for path in sorted(folder.glob("*.patch")) if folder.is_dir() else []:
        try:
            patches.append(parse_patch(path.name, path.read_bytes()))
        except Refusal as refusal:
            problems += refusal.problems
    if problems:
        raise Refusal(problems)
    return patches


def parse_patch(name: str, data: bytes) -> MailPatch:
    label = f"patches/{name}"
    cursor = _Lines(data)
    subject, new_files = _parse_headers(label, cursor)
    body = _parse_body(label, cursor)
    diffs = tuple(_parse_diffs(label, cursor))
    if not diffs and not new_files:
        raise Refusal(f"{label}: has neither a diff nor a line {NEW_FILES}:")
    paths = [diff.path for diff in diffs]
    for path in sorted({path for path in paths if paths.count(path) > 1}):
        raise Refusal(f"{label}: {path} stands in it twice")
    return MailPatch(name, subject, body, new_files, diffs)


def _text(label: str, line: bytes) -> str:
    try:
        return line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise Refusal(f"{label}: the message is not UTF-8") from None


def _parse_headers(label: str, cursor: _Lines) -> tuple[str, tuple[str, ...]]:
    headers: dict[str, str] = {}
    last = ""
    while (raw := cursor.take()) is not None:
        line = _text(label, raw)
        if not line:
            break
        if line.startswith("From ") and not headers:
            continue
        if line[0] in " \t" and last:
            headers[last] += " " + line.strip()
            continue
        match = MAIL_HEADER.match(line)
        if not match:
            raise Refusal(f"{label}: not a mail header: {line!r}")
        last = match.group(1).lower()
        headers[last] = match.group(2).strip()
    if any(SIGN_OFF.match(f"{key}:") for key in headers):
        raise Refusal(f"{label}: carries a sign-off, which only a person may add")
    subject = SUBJECT_TAG.sub("", headers.get("subject", ""))
    if not subject:
        raise Refusal(f"{label}: has no Subject:")
    return subject, tuple(headers.get(NEW_FILES.lower(), "").split())


def _parse_body(label: str, cursor: _Lines) -> str:
    body: list[str] = []
    while (raw := cursor.peek()) is not None:
        if raw.rstrip() == b"---" or raw.startswith((b"diff --git ", b"--- a/")):
            break
        body.append(_text(label, raw))
        cursor.take()
    text = "\n".join(body).strip()
    if not text:
        raise Refusal(f"{label}: has no message body that says why")
    if SIGN_OFF.search(text):
        raise Refusal(f"{label}: carries a sign-off, which only a person may add")
    return text


def _parse_diffs(label: str, cursor: _Lines) -> Iterator[FileDiff]:
    seen_any = False
    while (raw := cursor.take()) is not None:
        if raw.rstrip(b"\r\n") == b"-- " and seen_any:
            return
        if raw.startswith(EXTENDED_HEADERS):
            raise Refusal(f"{label}: only edits of existing files may stand in a patch, "
                          f"found {raw.decode(errors='replace').strip()!r}")
        if raw.startswith(b"--- a/") or raw.startswith(b"--- /dev/null"):
            seen_any = True
            yield _parse_file(label, raw, cursor)
        elif raw[:1] in (b"@", b"+", b"-") and raw.rstrip() != b"---":
            raise Refusal(f"{label}: a line outside any hunk, is a hunk longer than its "
                          f"header says? {raw.decode(errors='replace').rstrip()!r}")


def _parse_file(label: str, first: bytes, cursor: _Lines) -> FileDiff:
    second = cursor.take() or b""
    old, new = (_text(label, line).split("\t")[0] for line in (first, second))
    path = relative_path(old[len("--- a/"):])
    if path is None or not old.startswith("--- a/") or new != f"+++ b/{path}":
        raise Refusal(f"{label}: expected the pair '--- a/F' and '+++ b/F' of one existing "
                      f"file, found {old!r} and {new!r}")
    hunks: list[Hunk] = []
    while (line := cursor.peek()) is not None and line.startswith(b"@@"):
        hunks.append(_parse_hunk(f"{label}: {path}: hunk {len(hunks) + 1}", len(hunks) + 1,
                                 cursor))
    if not hunks:
        raise Refusal(f"{label}: {path}: has no hunk")
    return FileDiff(path, tuple(hunks))


def _parse_hunk(where: str, number: int, cursor: _Lines) -> Hunk:
    match = HUNK_HEADER.match(cursor.take() or b"")
    if not match:
        raise Refusal(f"{where}: its header cannot be read")
    old_start, new_start = int(match.group(1)), int(match.group(3))
    old_left, new_left = (int(match.group(group) or b"1") for group in (2, 4))
    lines: list[tuple[bytes, bytes]] = []
    while old_left or new_left:
        raw = cursor.take()
        # An editor that strips trailing blanks turns an empty context line into nothing.
        sign, text = (b" ", b"\n") if raw == b"\n" else ((raw or b"")[:1], (raw or b"")[1:])
        if sign == b"\\" and lines:
            lines[-1] = (lines[-1][0], lines[-1][1].rstrip(b"\n"))
            continue
        old_left -= sign in (b" ", b"-")
        new_left -= sign in (b" ", b"+")
        if sign not in (b" ", b"-", b"+") or old_left < 0 or new_left < 0:
            raise Refusal(f"{where}: holds other lines than its header says")
        lines.append((sign, text))
    if (cursor.peek() or b"").startswith(b"\\") and lines:
        cursor.take()
        lines[-1] = (lines[-1][0], lines[-1][1].rstrip(b"\n"))
    hunk = Hunk(number, old_start, new_start, tuple(lines))
    if not hunk.old:
        raise Refusal(f"{where}: inserts without any context line to find its place by")
    if all(sign == b" " for sign, _ in lines):
        raise Refusal(f"{where}: changes nothing")
    return hunk
