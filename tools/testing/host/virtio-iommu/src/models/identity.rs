// SPDX-License-Identifier: GPL-2.0

//! Identity mappings, compared byte by byte in a small piece of the address space.

use proptest::prelude::*;

use crate::{
    identity::identity_ranges,
    range::{
        Granule,
        IovaRange, //
    }, //
};

/// Size of the piece.
const SIZE: u64 = 256;

/// A range in the piece.
fn small_range() -> impl Strategy<Value = (u64, u64)> {
    (0..SIZE, 0..SIZE).prop_map(|(one, other)| (one.min(other), one.max(other)))
}

/// A short range in the piece.
fn short_range() -> impl Strategy<Value = (u64, u64)> {
    (0..SIZE, 0..20_u64).prop_map(|(start, len)| (start, (start + len).min(SIZE - 1)))
}

/// Which bytes of the piece at `base` are to be mapped.
fn expected(base: u64, size: u64, aperture: IovaRange, reserved: &[IovaRange]) -> Vec<bool> {
    (0..SIZE)
        .map(|offset| {
            let first = offset / size * size;

            (first..first + size).all(|byte| {
                let addr = base + byte;

                aperture.contains(addr) && !reserved.iter().any(|range| range.contains(addr))
            })
        })
        .collect()
}

proptest! {
    #![proptest_config(super::many_cases())]

    #[test]
    fn bytes(
        // The lowest and the highest piece are where the arithmetic may go wrong.
        base in prop_oneof![Just(0), Just(0x1000), Just(u64::MAX - (SIZE - 1))],
        bit in 0..8_u32,
        aperture in prop_oneof![Just((0, SIZE - 1)), small_range()],
        reserved in prop::collection::vec(prop_oneof![small_range(), short_range()], 0..6),
    ) {
        let at = |(start, last)| IovaRange::new(base + start, base + last).unwrap();
        let mut reserved: Vec<_> = reserved.into_iter().map(at).collect();
        reserved.sort_by_key(|range| range.start());
        let aperture = at(aperture);
        let granule = Granule::lowest_of(1 << bit).unwrap();

        let ranges: Vec<_> =
            identity_ranges(aperture, granule, reserved.iter().copied()).collect();

        let mapped: Vec<_> = (0..SIZE)
            .map(|offset| ranges.iter().any(|range| range.contains(base + offset)))
            .collect();
        prop_assert_eq!(&mapped, &expected(base, granule.bytes(), aperture, &reserved));

        for range in &ranges {
            prop_assert!(aperture.start() <= range.start() && range.last() <= aperture.last());
        }
        // No two could have been one.
        for pair in ranges.windows(2) {
            prop_assert!(pair[0].last() < pair[1].start() && !pair[0].adjoins(pair[1]));
        }
    }
}
