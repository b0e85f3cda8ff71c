# SPDX-License-Identifier: GPL-2.0
"""Telling a complete tool root from a missing, unfinished or outdated one."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .packages import BASE_SUITE, PackageList

STAMP_NAME = "etc/rust-virt-stamp"

# To be raised when the way the root is made changes.
LAYOUT = "1"


def fingerprint(packages: PackageList, mode: str, host_arch: str) -> str:
    """What the root depends on, as one number.  The mode decides who owns its files."""
    text = "\n".join((LAYOUT, BASE_SUITE, mode, host_arch, packages.fingerprint_text()))
    return hashlib.sha256(text.encode()).hexdigest()


def is_ours(root: Path) -> bool:
    """Whether tools/bootstrap made `root`: nothing else has a stamp."""
    return (root / STAMP_NAME).is_file()


def is_current(root: Path, wanted: str) -> bool:
    """Whether `root` was finished, from these packages, in this mode."""
    try:
        return (root / STAMP_NAME).read_text(encoding="ascii").strip() == wanted
    except (OSError, ValueError):
        return False
