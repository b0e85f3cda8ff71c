// SPDX-License-Identifier: GPL-2.0

//! United regions, compared byte by byte in a small piece of the address space.

use proptest::prelude::*;

use crate::{
    probe::{
        ResvKind,
        ResvMem, //
    },
    range::IovaRange,
    regions::unite, //
};

/// Size of the piece.
const SIZE: u64 = 64;

fn region(base: u64) -> impl Strategy<Value = ResvMem> {
    let kind = prop_oneof![
        Just(ResvKind::Reserved),
        Just(ResvKind::Msi),
        (2..4_u8).prop_map(ResvKind::Unknown),
    ];

    (0..SIZE, 0..12_u64, kind).prop_map(move |(start, len, kind)| ResvMem {
        range: IovaRange::new(base + start, base + (start + len).min(SIZE - 1)).unwrap(),
        kind,
    })
}

/// Whether each byte of the piece is in a region of the purpose.
fn covered(regions: &[ResvMem], base: u64, msi: bool) -> Vec<bool> {
    (base..=base + (SIZE - 1))
        .map(|addr| {
            regions
                .iter()
                .any(|region| region.kind.is_msi() == msi && region.range.contains(addr))
        })
        .collect()
}

proptest! {
    #![proptest_config(super::many_cases())]

    #[test]
    fn bytes(
        (base, regions) in prop_oneof![Just(0), Just(0x1000), Just(u64::MAX - (SIZE - 1))]
            .prop_flat_map(|base| (Just(base), prop::collection::vec(region(base), 0..12))),
    ) {
        let mut sorted = regions;
        sorted.sort_by_key(|region| region.range.start());

        let mut united = sorted.clone();
        let left = unite(&mut united);
        united.truncate(left);

        for msi in [false, true] {
            prop_assert_eq!(covered(&united, base, msi), covered(&sorted, base, msi));

            // No two could have been one.
            let same: Vec<_> = united.iter().filter(|region| region.kind.is_msi() == msi).collect();
            for pair in same.windows(2) {
                prop_assert!(!pair[0].range.overlaps(pair[1].range));
                prop_assert!(!pair[0].range.adjoins(pair[1].range));
            }
        }
        prop_assert!(united.is_sorted_by_key(|region| region.range.start()));
        // Nothing gets a purpose that no region had.
        for region in &united {
            let known = sorted.iter().any(|other| other.kind == region.kind);
            prop_assert!(known || region.kind == ResvKind::Reserved);
        }
    }
}
