// SPDX-License-Identifier: GPL-2.0

use crate::probe::{
    insertion_index,
    properties,
    Property,
    PropertyError, //
};

/// Where in the buffer an error is.
fn offset(error: PropertyError) -> usize {
    match error {
        PropertyError::TruncatedHeader { offset }
        | PropertyError::Truncated { offset, .. }
        | PropertyError::ResvMemTooShort { offset, .. }
        | PropertyError::ResvMemRange { offset, .. } => offset,
    }
}

/// The properties of an endpoint, and the sorted list of its regions.
pub fn probe(data: &[u8]) {
    let mut regions = Vec::new();
    let mut behind = 0;
    let mut count = 0;

    for property in properties(data) {
        count += 1;
        // Each has a header of four bytes, or what there was left for one.
        assert!(count <= data.len().div_ceil(4));
        match property {
            Ok(Property::ResvMem(mem)) => {
                assert!(mem.range.start() <= mem.range.last());
                assert!(mem.range.len().is_some());
                let index = insertion_index(&regions, &mem);
                regions.insert(index, mem);
            }
            Ok(Property::Unknown { kind }) => assert!(kind <= 0xfff),
            Err(error) => {
                let offset = offset(error);
                assert!(behind <= offset && offset < data.len());
                assert!(error.kind() <= 0xfff);
                let _ = error.errno();
                behind = offset + 1;
            }
        }
    }

    assert!(regions.is_sorted_by_key(|region| region.range.start()));
}
