# SPDX-License-Identifier: GPL-2.0
"""Where everything lies: the repository and the person's cache directory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping

from .errors import ToolRootError

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PACKAGE_LIST = REPOSITORY / "tools" / "packages.txt"

TAG_NAME = "CACHEDIR.TAG"
# The signature is the one that backup programs look for.
TAG_TEXT = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# Made by rust-virt's tools/bootstrap; removed by tools/bootstrap --clean.\n"
)


@dataclass(frozen=True)
class Cache:
    """The layout of the cache directory."""

    top: Path

    @property
    def root(self) -> Path:
        """The tool root, complete whenever it exists under this name."""
        return self.top / "root"

    @property
    def linux(self) -> Path:
        """The kernel tree, complete whenever it exists under this name."""
        return self.top / "linux"

    @property
    def linux_stamp(self) -> Path:
        """Beside the tree, not in it: the tree has to stay what upstream ships."""
        return self.top / "linux.stamp"

    @property
    def mountpoint(self) -> Path:
        """An empty directory; only private mount namespaces see more there."""
        return self.top / "mnt"

    @property
    def log(self) -> Path:
        return self.top / "bootstrap.log"

    @property
    def home(self) -> Path:
        return self.top / "home"

    @property
    def cargo(self) -> Path:
        return self.top / "cargo"

    @property
    def ccache(self) -> Path:
        return self.top / "ccache"

    @property
    def tag(self) -> Path:
        return self.top / TAG_NAME

    def create(self) -> None:
        """Makes the directories that every command may count on."""
        try:
            for path in (self.top, self.mountpoint, self.home, self.cargo, self.ccache):
                path.mkdir(parents=True, exist_ok=True)
            if not self.tag.exists():
                self.tag.write_text(TAG_TEXT, encoding="ascii")
        except OSError as error:
            raise ToolRootError(
                f"the cache directory {self.top} cannot be written: {error.strerror} "
                "(RUST_VIRT_CACHE= chooses another one)"
            ) from error


def find_cache(environ: Mapping[str, str]) -> Cache:
    """The cache directory that the environment asks for, symlinks resolved."""
    named = environ.get("RUST_VIRT_CACHE")
    if named:
        top = Path(named)
    else:
        base = environ.get("XDG_CACHE_HOME") or os.path.join(_home(environ), ".cache")
        top = Path(base) / "rust-virt"
    if not top.is_absolute():
        raise ToolRootError(f"the cache directory has to be an absolute path, not {top}")
    top = top.resolve()
    if top == REPOSITORY or top in REPOSITORY.parents:
        raise ToolRootError(f"the cache directory {top} would contain the repository itself")
    return Cache(top)


def _home(environ: Mapping[str, str]) -> str:
    home = environ.get("HOME") or os.path.expanduser("~")
    if not os.path.isabs(home):
        raise ToolRootError("HOME is not set: set it, or RUST_VIRT_CACHE=")
    return home
