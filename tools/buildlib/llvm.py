# SPDX-License-Identifier: GPL-2.0
"""Whether clang and rustc are made with the same LLVM."""

from __future__ import annotations

import re
import subprocess
from typing import Optional, Sequence

#: What asks for it, as RUSTC_CLANG_LLVM_COMPATIBLE says.
FRAGMENT = "inline"

_CLANG = re.compile(r"\bclang version (\d+)\.")
_RUSTC = re.compile(r"^LLVM version: (\d+)\.", re.MULTILINE)


def is_same(clang: str, rustc: str) -> bool:
    """What `clang --version` and `rustc --version --verbose` say of it."""
    major = _major(_CLANG, clang)
    return major is not None and major == _major(_RUSTC, rustc)


def is_shared() -> bool:
    """Whether it is so with the compilers in PATH."""
    return is_same(_output(["clang", "--version"]), _output(["rustc", "--version", "--verbose"]))


def _major(pattern: "re.Pattern[str]", text: str) -> Optional[str]:
    match = pattern.search(text)
    return match.group(1) if match else None


def _output(command: Sequence[str]) -> str:
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False).stdout
    except FileNotFoundError:
        return ""
