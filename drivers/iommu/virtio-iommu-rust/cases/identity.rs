// SPDX-License-Identifier: GPL-2.0

//! Identity mappings around reserved regions.

use super::{
    super::{
        identity::identity_ranges,
        range::{
            Granule,
            IovaRange, //
        }, //
    },
    range,
    same,
    Case, //
};

const MAX: u64 = u64::MAX;
const ALL: IovaRange = IovaRange::ALL;

/// The doorbell of the x86 interrupt controller.
const MSI: IovaRange = range(0xfee0_0000, 0xfeef_ffff);

/// Name, aperture, reserved ranges, and what is mapped.
type Row = (
    &'static str,
    IovaRange,
    &'static [IovaRange],
    &'static [IovaRange],
);

/// Checks rows of a table with a granule.
fn check(mask: u64, table: &[Row]) -> Case {
    let granule = Granule::lowest_of(mask).ok_or("granule")?;

    for &(row, aperture, reserved, want) in table {
        let mut ranges = identity_ranges(aperture, granule, reserved.iter().copied());

        for &range in want {
            same(row, ranges.next(), Some(range))?;
        }
        same(row, ranges.next(), None)?;
        same(row, ranges.next(), None)?;
    }

    Ok(())
}

/// Reserved ranges and apertures that are made of whole granules.
pub(crate) fn aligned() -> Case {
    const LOW: IovaRange = range(0, 0xfedf_ffff);
    const HIGH: IovaRange = range(0xfef0_0000, MAX);
    const TABLE: &[Row] = &[
        ("nothing reserved", ALL, &[], &[ALL]),
        ("in the middle", ALL, &[MSI], &[LOW, HIGH]),
        (
            "39 bits",
            range(0, 0x7f_ffff_ffff),
            &[MSI],
            &[LOW, range(0xfef0_0000, 0x7f_ffff_ffff)],
        ),
        (
            "at the start",
            ALL,
            &[range(0, 0xfff)],
            &[range(0x1000, MAX)],
        ),
        (
            "at the end",
            ALL,
            &[range(MAX - 0xfff, MAX)],
            &[range(0, MAX - 0x1000)],
        ),
        ("everything", ALL, &[ALL], &[]),
        (
            "all but the ends",
            ALL,
            &[range(0x1000, MAX - 0x1000)],
            &[range(0, 0xfff), range(MAX - 0xfff, MAX)],
        ),
        (
            "neighbours",
            ALL,
            &[range(0x1000, 0x1fff), range(0x2000, 0x2fff)],
            &[range(0, 0xfff), range(0x3000, MAX)],
        ),
        ("twice the same", ALL, &[MSI, MSI], &[LOW, HIGH]),
        (
            "one in another",
            ALL,
            &[range(0, 0x7fff), range(0x1000, 0x1fff)],
            &[range(0x8000, MAX)],
        ),
        (
            "overlapping",
            ALL,
            &[range(0x1000, 0x4fff), range(0x3000, 0x8fff)],
            &[range(0, 0xfff), range(0x9000, MAX)],
        ),
        (
            "before the aperture",
            range(0x8000, 0xffff),
            &[range(0, 0x7fff)],
            &[range(0x8000, 0xffff)],
        ),
        (
            "behind the aperture",
            range(0, 0x7fff),
            &[range(0x8000, 0xffff)],
            &[range(0, 0x7fff)],
        ),
        (
            "across its start",
            range(0x8000, 0xffff),
            &[range(0x7000, 0x8fff)],
            &[range(0x9000, 0xffff)],
        ),
        (
            "across its end",
            range(0, 0x7fff),
            &[range(0x7000, 0x8fff)],
            &[range(0, 0x6fff)],
        ),
        (
            "across its end, then more",
            range(0, 0x7fff),
            &[range(0x7000, 0x8fff), range(0x7000, 0x7fff)],
            &[range(0, 0x6fff)],
        ),
    ];

    check(0x1000, TABLE)
}

/// Ends that are not those of granules.
pub(crate) fn unaligned() -> Case {
    const TABLE: &[Row] = &[
        ("aperture", range(1, 0x7ffe), &[], &[range(0x1000, 0x6fff)]),
        ("aperture in one granule", range(1, 0xffe), &[], &[]),
        ("aperture short of a granule", range(0, 0xffe), &[], &[]),
        ("aperture across granules", range(0xfff, 0x1000), &[], &[]),
        (
            "aperture behind the last granule",
            range(MAX - 0xffe, MAX),
            &[],
            &[],
        ),
        (
            "aperture of the last granule",
            range(MAX - 0xfff, MAX),
            &[],
            &[range(MAX - 0xfff, MAX)],
        ),
        (
            "one reserved byte",
            ALL,
            &[range(0x1234, 0x1234)],
            &[range(0, 0xfff), range(0x2000, MAX)],
        ),
        ("first byte", ALL, &[range(0, 0)], &[range(0x1000, MAX)]),
        (
            "last byte",
            ALL,
            &[range(MAX, MAX)],
            &[range(0, MAX - 0x1000)],
        ),
        (
            "two in a granule",
            ALL,
            &[range(0x1000, 0x1000), range(0x1fff, 0x1fff)],
            &[range(0, 0xfff), range(0x2000, MAX)],
        ),
        (
            "two bytes across granules",
            ALL,
            &[range(0x1fff, 0x2000)],
            &[range(0, 0xfff), range(0x3000, MAX)],
        ),
    ];

    check(0x1000, TABLE)
}

/// The smallest granule and the largest one.
pub(crate) fn extreme_granules() -> Case {
    const HALF: u64 = 1 << 63;
    const BYTES: &[Row] = &[
        (
            "one byte reserved",
            ALL,
            &[range(5, 5)],
            &[range(0, 4), range(6, MAX)],
        ),
        (
            "one byte left",
            ALL,
            &[range(0, MAX - 1)],
            &[range(MAX, MAX)],
        ),
    ];
    const HALVES: &[Row] = &[
        ("both halves", ALL, &[], &[ALL]),
        (
            "lower half touched",
            ALL,
            &[range(7, 7)],
            &[range(HALF, MAX)],
        ),
        (
            "upper half touched",
            ALL,
            &[range(HALF, HALF)],
            &[range(0, HALF - 1)],
        ),
        ("both halves touched", ALL, &[range(HALF - 1, HALF)], &[]),
        ("lower half cut", range(1, MAX), &[], &[range(HALF, MAX)]),
    ];

    check(1, BYTES)?;
    check(HALF, HALVES)
}
