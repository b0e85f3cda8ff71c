# SPDX-License-Identifier: GPL-2.0
"""The kernels that this project builds, and the fragments they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Tuple

FLAVOURS = ("test", "plain", "trace")


@dataclass(frozen=True)
class Architecture:
    """What differs between architectures for make."""

    target: str
    #: Below the build directory.
    image: str
    fragments: Mapping[str, Tuple[str, ...]]


def _fragments(arch: str, test: Tuple[str, ...] = (), plain: Tuple[str, ...] = (),
               both: Tuple[str, ...] = ()) -> Mapping[str, Tuple[str, ...]]:
    shared = ("common", "slim", arch, *both)
    awake = () if "sleep" in test else ("awake",)
    return {
        "test": (*shared, "untraced", "test", "overlay", *test, *awake),
        "plain": (*shared, "untraced", "plain", *plain, "awake"),
        "trace": (*shared, "trace", "plain", *plain, "awake"),
    }


ARCHITECTURES: Mapping[str, Architecture] = {
    "x86_64": Architecture(
        "bzImage", "arch/x86/boot/bzImage",
        _fragments("x86_64", both=("devices", "viommu-rust"),
                   test=("kasan", "lockdep", "viommu-module", "sleep"),
                   plain=("viommu-module", "vng", "kexec", "inline"))),
    "arm64": Architecture(
        "Image", "arch/arm64/boot/Image",
        _fragments("arm64", both=("devices", "viommu-rust", "kvm-arm64", "s2-policy"),
                   test=("kasan", "lockdep", "viommu-module", "s2-kunit"),
                   plain=("viommu-module", "inline"))),
    "riscv": Architecture(
        "Image", "arch/riscv/boot/Image",
        _fragments("riscv", both=("devices", "viommu-rust", "kvm-riscv", "onereg-rust"),
                   test=("kasan", "lockdep", "viommu-module", "onereg-kunit"),
                   plain=("viommu-module",))),
    "powerpc": Architecture(
        # rustc has no KASAN for this target.
        "vmlinux", "vmlinux", _fragments("powerpc", test=("locks-powerpc",))),
}
