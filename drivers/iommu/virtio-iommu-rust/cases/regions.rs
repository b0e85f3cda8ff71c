// SPDX-License-Identifier: GPL-2.0

//! Reserved regions of several IDs.

use super::{
    super::{
        probe::{
            ResvKind,
            ResvMem, //
        },
        regions::{
            needs_software_msi,
            unite, //
        },
    },
    holds,
    range,
    same,
    Case, //
};

const MAX: u64 = u64::MAX;
const PLAIN: ResvKind = ResvKind::Reserved;
const MSI: ResvKind = ResvKind::Msi;

const fn region(start: u64, last: u64, kind: ResvKind) -> ResvMem {
    ResvMem {
        range: range(start, last),
        kind,
    }
}

/// Checks that `all` becomes `want`.
fn unites<const N: usize>(row: &'static str, mut all: [ResvMem; N], want: &[ResvMem]) -> Case {
    let left = unite(&mut all);

    same(row, all.get(..left), Some(want))
}

/// What becomes one region, and what does not.
pub(crate) fn uniting() -> Case {
    let one = region(0x1000, 0x1fff, PLAIN);

    unites("none", [], &[])?;
    unites("one", [one], &[one])?;
    unites("the same twice", [one, one], &[one])?;
    unites(
        "an overlap",
        [one, region(0x1800, 0x2fff, PLAIN)],
        &[region(0x1000, 0x2fff, PLAIN)],
    )?;
    unites(
        "one within the other",
        [one, region(0x1800, 0x18ff, PLAIN)],
        &[one],
    )?;
    unites(
        "adjoining ones",
        [one, region(0x2000, 0x2fff, PLAIN)],
        &[region(0x1000, 0x2fff, PLAIN)],
    )?;
    let apart = [one, region(0x2001, 0x2fff, PLAIN)];
    unites("a gap of one byte", apart, &apart)?;
    unites(
        "a third that closes the gap",
        [
            one,
            region(0x1004, 0x2fff, PLAIN),
            region(0x2fff, 0x4fff, PLAIN),
        ],
        &[region(0x1000, 0x4fff, PLAIN)],
    )?;
    let halves = [region(0, MAX - 1, PLAIN), region(1, MAX, PLAIN)];
    unites("everything has no length", halves, &halves)
}

/// The purposes of what is united.
pub(crate) fn purposes() -> Case {
    let window = region(0xfee0_0000, 0xfeef_ffff, MSI);
    let around = region(0xfe00_0000, 0xfeff_ffff, PLAIN);

    unites("a window of all IDs", [window, window, window], &[window])?;
    unites(
        "a window in a plain region",
        [around, window],
        &[around, window],
    )?;
    unites(
        "plain regions with a window between them",
        [around, window, region(0xff00_0000, 0xff00_0fff, PLAIN)],
        &[region(0xfe00_0000, 0xff00_0fff, PLAIN), window],
    )?;
    unites(
        "an unknown purpose and the plain one",
        [
            around,
            region(0xfe00_0000, 0xfeff_ffff, ResvKind::Unknown(9)),
        ],
        &[around],
    )?;
    let unknown = region(0, 7, ResvKind::Unknown(9));
    unites("the same unknown purpose", [unknown, unknown], &[unknown])
}

/// Where the kernel needs a window for MSIs of its own.
pub(crate) fn software_msi() -> Case {
    let window = region(0xfee0_0000, 0xfeef_ffff, MSI);
    let plain = region(0, 7, PLAIN);

    holds("translated, no window", needs_software_msi(true, &[plain]))?;
    holds("translated, nothing at all", needs_software_msi(true, &[]))?;
    holds(
        "translated, a window",
        !needs_software_msi(true, &[plain, window]),
    )?;
    holds(
        "not translated, no window",
        !needs_software_msi(false, &[plain]),
    )?;
    holds(
        "not translated, a window",
        !needs_software_msi(false, &[window]),
    )
}
