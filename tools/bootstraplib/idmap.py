# SPDX-License-Identifier: GPL-2.0
"""User namespaces: the person becomes root inside, other users come from /etc/subuid."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from .errors import ToolRootError

# Debian's packages use ids up to nobody's 65534.
WANTED_IDS = 65534


@dataclass(frozen=True)
class IdRange:
    start: int
    count: int


@dataclass(frozen=True)
class IdMap:
    """The person's own ids and the ranges that stand for all other users."""

    uid: int
    gid: int
    sub_uids: IdRange
    sub_gids: IdRange


def find_range(text: str, name: str, number: int) -> Optional[IdRange]:
    """The first large enough range of a user in the format of /etc/subuid."""
    for line in text.splitlines():
        fields = line.strip().split(":")
        if len(fields) != 3 or fields[0] not in (name, str(number)):
            continue
        if not (fields[1].isdigit() and fields[2].isdigit()):
            continue
        found = IdRange(int(fields[1]), int(fields[2]))
        if found.count >= WANTED_IDS:
            return found
    return None


def own_id_map() -> IdMap:
    """The map of the calling person; says what to do where there is none."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    ranges = []
    for path in ("/etc/subuid", "/etc/subgid"):
        found = find_range(_read(path), name, uid)
        if found is None:
            raise ToolRootError(
                f"without root, {path} has to give you {WANTED_IDS} ids or more: "
                f"run `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name}` "
                "as root (with a range nobody else has), or run this as root"
            )
        ranges.append(found)
    return IdMap(uid, os.getgid(), ranges[0], ranges[1])


def write_id_map(pid: int, ids: IdMap) -> None:
    """Maps process `pid`'s new user namespace.  Runs outside that namespace."""
    for program, own, others in (
        ("newuidmap", ids.uid, ids.sub_uids),
        ("newgidmap", ids.gid, ids.sub_gids),
    ):
        numbers = (pid, 0, own, 1, 1, others.start, min(others.count, WANTED_IDS + 1))
        subprocess.run([program, *map(str, numbers)], check=True, stdin=subprocess.DEVNULL)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
