# SPDX-License-Identifier: GPL-2.0
"""What we did to a kernel tree, kept in that tree so that it can always be taken back.

The manifest is written before the first change and again after the last one. In between, each
file may be found in any of its `accepted` states; whoever comes next can therefore tell a file
that an interrupted run left behind from a file that a person edited.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import stat
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .patchfile import relative_path
from .refusal import Refusal

STATE_DIR = ".rust-virt"
FORMAT = 1


@dataclass(frozen=True)
class State:
    """What stands at a path: nothing, a file, a symbolic link, or something else."""

    kind: str
    value: str = ""
    executable: bool = False


ABSENT = State("absent")


@dataclass(frozen=True)
class Content:
    """Bytes with the permission bits that they are to have."""

    data: bytes
    mode: int

    @property
    def state(self) -> State:
        digest = hashlib.sha256(self.data).hexdigest()
        return State("file", digest, bool(self.mode & 0o100))


@dataclass
class Entry:
    """One path. `original` is set exactly for a patched file of the kernel."""

    accepted: list[State]
    original: Content | None = None

    @property
    def pristine(self) -> State:
        return self.original.state if self.original else ABSENT


@dataclass
class Manifest:
    base: str = ""
    complete: bool = True
    link: bool = False
    directories: list[str] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)


def look(path: Path) -> State:
    """The state of a path on disk."""
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    if stat.S_ISLNK(status.st_mode):
        return State("link", os.readlink(path))
    if not stat.S_ISREG(status.st_mode):
        return State("other")
    return Content(path.read_bytes(), stat.S_IMODE(status.st_mode)).state


def read_content(path: Path) -> Content:
    return Content(path.read_bytes(), stat.S_IMODE(path.stat().st_mode))


def load(tree: Path) -> Manifest | None:
    """None where nothing of ours was ever laid over the tree."""
    path = tree / STATE_DIR / "manifest.json"
    try:
        return _decode(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zlib.error) as error:
        raise Refusal(f"{path} cannot be read ({error}): without it nothing can be taken back; "
                      "unpack the kernel tree afresh") from error


def store(tree: Path, manifest: Manifest) -> None:
    """Replaces the manifest at one stroke, and only once it is on the disk."""
    folder = tree / STATE_DIR
    fresh = folder / "manifest.json.new"
    with fresh.open("w", encoding="utf-8") as out:
        json.dump(_encode(manifest), out, indent=1, sort_keys=True)
        out.write("\n")
        out.flush()
        os.fsync(out.fileno())
    os.replace(fresh, folder / "manifest.json")


def discard(tree: Path) -> None:
    """The manifest goes first: without it the rest of the folder means nothing."""
    folder = tree / STATE_DIR
    (folder / "manifest.json").unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _encode(manifest: Manifest) -> dict[str, Any]:
    files: dict[str, Any] = {}
    for path, entry in manifest.entries.items():
        files[path] = {"accepted": [[state.kind, state.value, state.executable]
                                    for state in entry.accepted]}
        if entry.original:
            packed = base64.b64encode(zlib.compress(entry.original.data)).decode("ascii")
            files[path]["original"] = {"mode": entry.original.mode, "zlib_base64": packed}
    return {"format": FORMAT, "base": manifest.base, "complete": manifest.complete,
            "link": manifest.link, "directories": manifest.directories, "files": files}


def _safe(path: str) -> str:
    if relative_path(path) is None:
        raise ValueError(f"path {path!r} leads out of the tree")
    return path


def _decode_state(raw: list[Any]) -> State:
    kind, value, executable = raw
    return State(str(kind), str(value), bool(executable))


def _decode(raw: dict[str, Any]) -> Manifest:
    if raw["format"] != FORMAT:
        raise ValueError(f"its format is {raw['format']}, this tool knows {FORMAT}")
    manifest = Manifest(raw["base"], raw["complete"], raw["link"],
                        [_safe(path) for path in raw["directories"]])
    for path, item in raw["files"].items():
        entry = Entry([_decode_state(state) for state in item["accepted"]])
        if "original" in item:
            data = zlib.decompress(base64.b64decode(item["original"]["zlib_base64"]))
            entry.original = Content(data, item["original"]["mode"])
        manifest.entries[_safe(path)] = entry
    return manifest
