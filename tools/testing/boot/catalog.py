# SPDX-License-Identifier: GPL-2.0
"""All the boots there are, collected from the modules of the pieces."""

from __future__ import annotations

from boot import tests_onereg, tests_smoke, tests_stage2, tests_viommu
from boot.parity import Difference
from boot.plan import Boot

MODULES = (tests_smoke, tests_viommu, tests_onereg, tests_stage2)
# What is known to differ between Rust and C.
DIFFERENCES: tuple[Difference, ...] = (*tests_viommu.DIFFERENCES,
                                       *tests_onereg.DIFFERENCES,
                                       *tests_stage2.DIFFERENCES)


def all_boots() -> list[Boot]:
    """Every boot of every module; two of the same name are a mistake."""
    boots = [boot for module in MODULES for boot in module.boots()]
    keys = [boot.key for boot in boots]
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        raise ValueError('boots declared twice: ' + ', '.join(sorted(twice)))
    return boots
