# SPDX-License-Identifier: GPL-2.0
"""The C drivers as modules of their own, to compare the Rust ones with.

A kernel holds one of the two only. The other is built here from the unedited
C files as an external module of the same name, for the same kernel.
"""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import List, Mapping, Tuple

from . import progress
from .kernel import Kernel

#: By the symbol that takes the C file out of the kernel.
REPLACED = {"VIRTIO_IOMMU_RUST": ("VIRTIO_IOMMU", "drivers/iommu/virtio-iommu.c")}


@dataclass(frozen=True)
class Part:
    """A module of many files, some of which a symbol has written in Rust."""

    module: str
    #: Where the module is made; its Makefile is taken as it is.
    directory: str
    #: Where more of its files are.
    beside: Tuple[str, ...] = ()


PARTS: Mapping[str, Part] = {
    "KVM_RISCV_ONEREG_RUST": Part("KVM", "arch/riscv/kvm", ("virt/kvm",)),
}
# Of a directory that is copied.
_SOURCES = ("*.c", "*.S", "*.h", "Makefile*")
_WITHOUT_RUST = "without-rust.h"


def wanted_files(dotconfig: Mapping[str, str]) -> List[str]:
    """The C files to build: those whose Rust module a boot can do without."""
    return [path for symbol, (module, path) in REPLACED.items()
            if dotconfig.get(symbol) == "y" and dotconfig.get(module) == "m"]


def wanted_parts(dotconfig: Mapping[str, str]) -> Mapping[str, Part]:
    """The modules to build once more without the Rust in them, by its symbol."""
    return {symbol: part for symbol, part in PARTS.items()
            if dotconfig.get(symbol) == "y" and dotconfig.get(part.module) == "m"}


def digest(dotconfig: Mapping[str, str]) -> str:
    """A word that is another one for every configuration."""
    text = "".join(f"{symbol}={value}\n" for symbol, value in sorted(dotconfig.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def kbuild_text(files: List[str], config: str) -> str:
    """A Kbuild file for an external module from each of the files.

    Outside of its tree, Kbuild does not see that a symbol has changed which a header
    asks for. It does see another command.
    """
    lines = ["# SPDX-License-Identifier: GPL-2.0"]
    for path in files:
        stem = Path(path).stem
        lines += [f"obj-m += {stem}.o",
                  f"CFLAGS_{stem}.o := -I$(srctree)/{os.path.dirname(path)}"
                  f" -DRV_CONFIG_{config}"]
    return "\n".join(lines) + "\n"


def part_kbuild_text(symbol: str, config: str) -> str:
    """A Kbuild file that has the Makefile beside it believe that the symbol is off.

    What C sees of the configuration is a header, so the symbol is taken back by another one
    behind it. Headers then have to be the same up to what the symbol adds at their ends:
    the offsets that assembly uses are those of the kernel with the symbol on.
    """
    return "\n".join((
        "# SPDX-License-Identifier: GPL-2.0",
        f"override CONFIG_{symbol} :=",
        "include $(src)/Makefile",
        f"ccflags-y += -include $(src)/{_WITHOUT_RUST} -DRV_CONFIG_{config}", ""))


def build(kernel: Kernel, dotconfig: Mapping[str, str], verbose: bool) -> None:
    """Builds them in the build directory, if there are any."""
    files, parts = wanted_files(dotconfig), wanted_parts(dotconfig)
    if not files and not parts:
        return
    kernel.oracle.mkdir(exist_ok=True)
    config = digest(dotconfig)
    below = "".join(f"obj-m += {part.directory}/\n" for part in parts.values())
    _write(kernel.oracle / "Kbuild", kbuild_text(files, config) + below)
    for path in files:
        source = (kernel.source / path).read_text(encoding="utf-8")
        _write(kernel.oracle / Path(path).name, source)
    for symbol, part in parts.items():
        _lay_out(kernel, symbol, part, config)
    meter = progress.Meter(sys.stdout, f"C drivers for {kernel.name}", verbose)
    progress.run(kernel.make(f"M={kernel.oracle}", "modules"), kernel.environment(),
                 kernel.log, meter)


def _lay_out(kernel: Kernel, symbol: str, part: Part, config: str) -> None:
    for name in (part.directory, *part.beside):
        target = kernel.oracle / name
        target.mkdir(parents=True, exist_ok=True)
        for pattern in _SOURCES:
            for path in (kernel.source / name).glob(pattern):
                _write(target / path.name, path.read_text(encoding="utf-8"))
    directory = kernel.oracle / part.directory
    _write(directory / "Kbuild", part_kbuild_text(symbol, config))
    _write(directory / _WITHOUT_RUST,
           f"/* SPDX-License-Identifier: GPL-2.0 */\n#undef CONFIG_{symbol}\n")


def _write(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
