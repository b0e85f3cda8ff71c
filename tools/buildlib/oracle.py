# SPDX-License-Identifier: GPL-2.0
"""The C drivers as modules of their own, to compare the Rust ones with.

A kernel holds one of the two only. The other is built here from the unedited
C file as an external module of the same name, for the same kernel.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import List, Mapping

from . import progress
from .kernel import Kernel

#: By the symbol that takes the C file out of the kernel.
REPLACED = {"VIRTIO_IOMMU_RUST": ("VIRTIO_IOMMU", "drivers/iommu/virtio-iommu.c")}


def wanted_files(dotconfig: Mapping[str, str]) -> List[str]:
    """The C files to build: those whose Rust module a boot can do without."""
    return [path for symbol, (module, path) in REPLACED.items()
            if dotconfig.get(symbol) == "y" and dotconfig.get(module) == "m"]


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


def build(kernel: Kernel, dotconfig: Mapping[str, str], verbose: bool) -> None:
    """Builds them in the build directory, if there are any."""
    files = wanted_files(dotconfig)
    if not files:
        return
    kernel.oracle.mkdir(exist_ok=True)
    _write(kernel.oracle / "Kbuild", kbuild_text(files, digest(dotconfig)))
    for path in files:
        source = (kernel.source / path).read_text(encoding="utf-8")
        _write(kernel.oracle / Path(path).name, source)
    meter = progress.Meter(sys.stdout, f"C drivers for {kernel.name}", verbose)
    progress.run(kernel.make(f"M={kernel.oracle}", "modules"), kernel.environment(),
                 kernel.log, meter)


def _write(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
