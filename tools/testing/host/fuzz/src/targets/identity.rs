// SPDX-License-Identifier: GPL-2.0

use crate::{
    identity::identity_ranges,
    input::Input,
    range::{
        Granule,
        IovaRange, //
    }, //
};

/// Identity mappings around the reserved regions that a device tells.
///
/// Input: mask of page sizes, aperture, any number of regions.
pub fn identity(data: &[u8]) {
    let mut input = Input(data);
    let (Some(granule), Some(aperture)) = (
        Granule::lowest_of(input.u64()),
        IovaRange::new(input.u64(), input.u64()),
    ) else {
        return;
    };
    let mut reserved = Vec::new();
    while !input.is_empty() && reserved.len() < 32 {
        reserved.extend(IovaRange::new(input.u64(), input.u64()));
    }
    reserved.sort_by_key(|range| range.start());

    let ranges: Vec<_> = identity_ranges(aperture, granule, reserved.iter().copied()).collect();

    assert!(ranges.len() <= reserved.len() + 1);
    for range in &ranges {
        assert!(aperture.start() <= range.start() && range.last() <= aperture.last());
        assert_eq!(granule.align_down(range.start()), range.start());
        assert_eq!(range.last() & granule.offset_mask(), granule.offset_mask());
        assert!(!reserved.iter().any(|region| region.overlaps(*range)));
    }
    assert!(ranges
        .windows(2)
        .all(|pair| pair[0].last() < pair[1].start()));
}
