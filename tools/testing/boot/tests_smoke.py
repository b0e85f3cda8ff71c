# SPDX-License-Identifier: GPL-2.0
"""Every architecture comes up, has Rust in it, and passes its KUnit suites."""

from __future__ import annotations

from boot.paths import ARCHES
from boot.plan import Boot, GuestTest

# The sample's message is the proof that Rust code ran in this kernel.
RUST_SAMPLE = r'rust_minimal: Rust minimal sample \(init\)'

SMOKE = GuestTest('smoke', seconds=60)
SAMPLES = GuestTest('rust-modules', seconds=120)


# Cases that are compiled out: one of the kernel crate's tests of its own test macro, and
# one with threads.
SKIP_REASONS = (
    ('rust_kernel_kunit.rust_test_kunit_always_disabled_test',
     'compiled out, which is what it tests'),
    ('virtio_iommu_shadow.lookup_finds_what_stays_while_others_change',
     "powerpc resumes threads at wrong addresses after a device's interrupt"),
)


def boots() -> list[Boot]:
    """Two boots per architecture; they share the kernel."""
    smoke = [Boot('smoke', arch, driver='none', tests=(SMOKE, SAMPLES),
                  expected_lines=(RUST_SAMPLE,))
             for arch in ARCHES]
    kunit = [Boot('kunit', arch, kunit=True, driver='none',
                  skip_reasons=SKIP_REASONS)
             for arch in ARCHES]
    return smoke + kunit
