# SPDX-License-Identifier: GPL-2.0
"""Writes the overlay as a mailbox series: a cover letter and one patch for each reason."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.header import Header
from email.utils import format_datetime, formataddr
from pathlib import Path

from . import manifest as store
from .gitdiff import FileChange, diffstat
from .hunks import apply_diff
from .manifest import Content, read_content
from .patchfile import MailPatch
from .plan import BASE, kernel_version
from .refusal import Refusal, first_words
from .sources import Overlay, check_claims, claimed_files, read_overlay

SERIES_FILE = re.compile(r"^\d{4}-.*\.patch$")


@dataclass(frozen=True)
class Group:
    """New files that no patch claims. Hooks come after what they hook in, users after both."""

    prefix: str
    subject: str
    body: str
    late: bool = False


GROUPS = (
    Group("rust/helpers/", "rust: helpers: add helpers for the virtualization abstractions",
          "Rust cannot call macros and inline functions of C: give each that is\n"
          "needed a function of its own."),
    Group("rust/", "rust: add abstractions for virtualization drivers",
          "The drivers that follow are written against safe abstractions; what a\n"
          "second driver would want as well belongs into the kernel crate."),
    Group("include/", "rust: add headers for the virtualization shims",
          "Declare what C and Rust call in each other."),
    Group("arch/arm64/", "arm64: add the Rust parts",
          "Add the Rust sources; a later patch hooks them in behind their own symbol."),
    Group("arch/powerpc/", "powerpc: add the Rust parts",
          "Add the Rust sources; a later patch hooks them in behind their own symbol."),
    Group("arch/riscv/", "riscv: add the Rust parts",
          "Add the Rust sources; a later patch hooks them in behind their own symbol."),
    Group("drivers/iommu/", "iommu: virtio: add a Rust reference driver",
          "Add the sources of the Rust driver; a later patch lets Kconfig choose\n"
          "between it and the C driver."),
    Group("drivers/", "drivers: add the Rust parts of virtualization drivers",
          "Add the Rust sources; a later patch hooks them in behind their own symbol."),
    Group("arch/", "arch: add the Rust parts",
          "Add the Rust sources; a later patch hooks them in behind their own symbol."),
    Group("samples/", "samples: rust: add samples for the virtualization abstractions",
          "Show each abstraction in its smallest use.", late=True),
    Group("tools/", "selftests: add tests for the Rust virtualization parts",
          "Test what the C code and the Rust code must have in common.", late=True),
    Group("Documentation/", "Documentation: describe the Rust virtualization parts",
          "Say how the parts are chosen, built and tested, and where they differ\n"
          "from the C code.", late=True),
)


@dataclass
class Commit:
    subject: str
    body: str
    changes: list[FileChange] = field(default_factory=list)


@dataclass(frozen=True)
class Author:
    address: str
    email: str
    date: str


class _Base:
    """The files that patches edit, with the edits of earlier patches in them."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree
        self.manifest = store.load(tree)
        self.files: dict[str, Content] = {}

    def edit(self, patch: MailPatch) -> list[FileChange]:
        changes: list[FileChange] = []
        for diff in patch.diffs:
            old = self.files.get(diff.path) or self._pristine(patch, diff.path)
            new = Content(apply_diff(patch.label, diff, old.data), old.mode)
            self.files[diff.path] = new
            changes.append(FileChange(diff.path, old.mode, old.data, new.data))
        return changes

    def _pristine(self, patch: MailPatch, path: str) -> Content:
        entry = self.manifest.entries.get(path) if self.manifest else None
        if entry and entry.original:
            return entry.original
        try:
            return read_content(self.tree / path)
        except OSError:
            raise Refusal(f"{patch.label}: {path}: no such file in {self.tree}") from None


def write_series(root: Path, out: Path, base: Path | None) -> None:
    """Fills `out`; an older series there is replaced, anything else is in the way."""
    overlay = read_overlay(root)
    problems = check_claims(overlay)
    if problems:
        raise Refusal(problems)
    version = kernel_version(base) if base else BASE
    commits = _commits(overlay, _Base(base) if base else None)
    if not commits:
        raise Refusal(f"{root} holds neither new files nor patches")
    author = _author(root)
    mails = [_cover_letter(commits, author, version)]
    mails += [_mail(commit, number, len(commits), author, mails[0])
              for number, commit in enumerate(commits, 1)]
    names = ["0000-cover-letter.patch"]
    names += [f"{number:04}-{_slug(commit.subject)}.patch"
              for number, commit in enumerate(commits, 1)]
    _fill(out, dict(zip(names, mails)))
    print(f"{out}: cover letter and {len(commits)} patches for Linux {version}")


def _fill(out: Path, mails: dict[str, bytes]) -> None:
    present = sorted(path.name for path in out.iterdir()) if out.is_dir() else []
    foreign = [name for name in present if not SERIES_FILE.match(name)]
    if foreign:
        raise Refusal(f"{out} holds other files ({first_words(foreign)}): name an empty folder")
    out.mkdir(parents=True, exist_ok=True)
    for name in present:
        (out / name).unlink()
    for name, mail in mails.items():
        (out / name).write_bytes(mail)


def _commits(overlay: Overlay, base: _Base | None) -> list[Commit]:
    free = dict.fromkeys(overlay.files)
    middle: list[Commit] = []
    for patch in overlay.patches:
        commit = Commit(patch.subject, patch.body)
        for path in claimed_files(patch, overlay.files)[0]:
            del free[path]
            commit.changes.append(_new_file(overlay, path))
        commit.changes += base.edit(patch) if base else [
            FileChange(diff.path, 0o644, diff=diff) for diff in patch.diffs]
        middle.append(commit)
    early: list[Commit] = []
    late: list[Commit] = []
    for group in GROUPS:
        paths = [path for path in free if path.startswith(group.prefix)]
        for path in paths:
            del free[path]
        if paths:
            commit = Commit(group.subject, group.body,
                            [_new_file(overlay, path) for path in paths])
            (late if group.late else early).append(commit)
    if free:
        raise Refusal(f"no commit of the series takes {first_words(list(free))}")
    return early + middle + late


def _new_file(overlay: Overlay, path: str) -> FileChange:
    source = overlay.files[path]
    return FileChange(path, source.mode, None, source.disk.read_bytes())


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-c", f"safe.directory={root}", "-C", str(root), *arguments]
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""


def _author(root: Path) -> Author:
    name = _git(root, "config", "user.name") or _git(root, "log", "-1", "--format=%an")
    email = _git(root, "config", "user.email") or _git(root, "log", "-1", "--format=%ae")
    if not name or not email:
        raise Refusal("nobody to send the series as: set git's user.name and user.email")
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or _git(root, "log", "-1", "--format=%at")
    moment = (datetime.fromtimestamp(int(seconds), timezone.utc) if seconds
              else datetime.now(timezone.utc))
    return Author(formataddr((name, email)), email, format_datetime(moment))


def _slug(subject: str) -> str:
    return re.sub(r"[^A-Za-z0-9._]+", "-", subject).strip("-.")[:52].strip("-.")


def _headers(author: Author, subject: str, identity: str, parent: str | None) -> str:
    text = subject if subject.isascii() else Header(subject, "utf-8", maxlinelen=990).encode()
    lines = [f"From {'0' * 40} Mon Sep 17 00:00:00 2001", f"From: {author.address}",
             f"Date: {author.date}", f"Subject: {text}", f"Message-ID: {identity}"]
    if parent:
        lines += [f"In-Reply-To: {parent}", f"References: {parent}"]
    lines += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=UTF-8",
              "Content-Transfer-Encoding: 8bit"]
    return "\n".join(lines) + "\n\n"


def _tag(number: int, total: int) -> str:
    return f"[PATCH {number:0{len(str(total))}}/{total}]"


def _identity(author: Author, *parts: bytes) -> str:
    digest = hashlib.sha256(b"\0".join(parts)).hexdigest()[:24]
    return f"<{digest}.{author.email}>"


def _cover_letter(commits: list[Commit], author: Author, version: str) -> bytes:
    changes = [change for commit in commits for change in commit.changes]
    listed = "\n".join(f"  {number}. {commit.subject}"
                       for number, commit in enumerate(commits, 1))
    body = (
        "The series adds Rust reference implementations for parts of Linux\n"
        "virtualization, each behind its own Kconfig symbol that is off by default.\n"
        "With all of these symbols off the kernel is what it was before.\n\n"
        f"It applies to Linux {version}. No patch carries a Signed-off-by: the person who\n"
        "sends the series reads it, takes the responsibility for it and adds theirs,\n"
        "see Documentation/process/coding-assistants.rst.\n\n"
        f"{listed}\n\n{diffstat(changes)}\n").encode()
    subject = f"{_tag(0, len(commits))} Rust reference implementations for virtualization"
    return _headers(author, subject, _identity(author, body), None).encode() + body


def _mail(commit: Commit, number: int, total: int, author: Author, cover: bytes) -> bytes:
    parent = re.search(rb"^Message-ID: (.*)$", cover, re.MULTILINE)
    diff = b"".join(change.text() for change in commit.changes)
    body = f"{commit.body}\n---\n{diffstat(commit.changes)}\n".encode() + diff + b"-- \n\n"
    headers = _headers(author, f"{_tag(number, total)} {commit.subject}",
                       _identity(author, b"%d" % number, body),
                       parent.group(1).decode() if parent else None)
    return headers.encode() + body
