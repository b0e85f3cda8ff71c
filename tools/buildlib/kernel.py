# SPDX-License-Identifier: GPL-2.0
"""One kernel build: its directories, its make command and its environment."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence

from .kernels import ARCHITECTURES, Architecture

# Where distributions put the links that make every compiler a cached one.
CCACHE_DIRECTORIES = ("/usr/lib/ccache", "/usr/lib64/ccache", "/usr/lib/ccache/bin")

# make hands these on to its children, where they would mean something else.
_FOREIGN = frozenset("""
    MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES MAKEFILES KBUILD_OUTPUT KBUILD_EXTMOD
    ARCH SUBARCH CROSS_COMPILE LLVM KCONFIG_CONFIG KCONFIG_ALLCONFIG O M V W C KDIR FLAVOUR
""".split())

# The person may set them for one build.
_HANDED_ON = ("V", "W", "C", "CLIPPY")

# The same text in every build: otherwise init/version.o differs each time.
_FIXED = {
    "KBUILD_BUILD_TIMESTAMP": "Thu Jan  1 00:00:00 UTC 1970",
    "KBUILD_BUILD_USER": "rust-virt",
    "KBUILD_BUILD_HOST": "rust-virt",
}


def default_output(cache: Path, arch: str, flavour: str, kdir: Optional[Path]) -> Path:
    """The build directory; a person's own tree gets one that only it uses."""
    name = f"{arch}-{flavour}"
    if kdir is not None:
        name += f"-{kdir.name}-{hashlib.sha256(str(kdir).encode()).hexdigest()[:8]}"
    return cache / "build" / name


@dataclass(frozen=True)
class Kernel:
    """What is built from where to where."""

    arch: str
    flavour: str
    source: Path
    output: Path
    jobs: int
    extra_fragments: Sequence[str] = ()
    left_out: Sequence[str] = ()

    @property
    def name(self) -> str:
        """As in the name of the build directory."""
        return f"{self.arch}-{self.flavour}"

    @property
    def architecture(self) -> Architecture:
        """What make has to be told about the architecture."""
        return ARCHITECTURES[self.arch]

    @property
    def fragments(self) -> List[str]:
        """The names of all fragments, in the order in which they are joined."""
        own = self.architecture.fragments[self.flavour]
        return [name for name in (*own, *self.extra_fragments) if name not in self.left_out]

    @property
    def image(self) -> Path:
        """What QEMU is given as -kernel."""
        return self.output / self.architecture.image

    @property
    def modules(self) -> Path:
        """The INSTALL_MOD_PATH."""
        return self.output / "installed"

    @property
    def headers(self) -> Path:
        """The INSTALL_HDR_PATH; below it stands include/."""
        return self.output / "headers"

    @property
    def oracle(self) -> Path:
        """The modules built from the C files that Rust ones replace."""
        return self.output / "oracle"

    @property
    def log(self) -> Path:
        """Everything that make said in the last build."""
        return self.output / "build.log"

    def release(self) -> str:
        """The release that the built kernel reports, empty before the first build."""
        path = self.output / "include/config/kernel.release"
        return path.read_text(encoding="utf-8").strip() if path.is_file() else ""

    def make(self, *arguments: str) -> List[str]:
        """The command that makes the targets."""
        handed_on = [f"{name}={os.environ[name]}" for name in _HANDED_ON if os.environ.get(name)]
        return ["make", "-C", str(self.source), f"-j{self.jobs}", f"O={self.output}",
                f"ARCH={self.arch}", "LLVM=1", *handed_on, *arguments]

    def environment(self) -> Dict[str, str]:
        """The environment of make."""
        return build_environment(os.environ, self.output)


def build_environment(environ: Mapping[str, str], output: Path) -> Dict[str, str]:
    """Fixed where the result would depend on it, with ccache where it is installed."""
    result = {name: value for name, value in environ.items() if name not in _FOREIGN}
    for name, value in _FIXED.items():
        result.setdefault(name, value)
    directories = [name for name in CCACHE_DIRECTORIES if os.path.isdir(name)]
    path = result.get("PATH", os.defpath)
    if directories and directories[0] not in path.split(":"):
        result["PATH"] = f"{directories[0]}:{path}"
    # Kbuild has the compiler list the headers anyway: no need to preprocess first, which costs
    # a fifth of a build from scratch.
    result.setdefault("CCACHE_DEPEND", "1")
    # Headers that the build has just generated have the time of now.
    result.setdefault("CCACHE_SLOPPINESS", "include_file_ctime,include_file_mtime")
    result.setdefault("CCACHE_NOHASHDIR", "1")
    result["CCACHE_STATSLOG"] = str(output / "ccache.log")
    result["LC_ALL"] = "C"
    return result
