// SPDX-License-Identifier: GPL-2.0

//! The reserved regions of an endpoint that has several IDs.
//!
//! A domain is one for all the IDs: what is reserved for one of them is reserved for the endpoint.

use super::{
    probe::{
        ResvKind,
        ResvMem, //
    },
    range::IovaRange, //
};

/// Unites what overlaps or adjoins in `sorted`, which is in the order of the starts.
///
/// Returns how many regions are left; they are at the front, still in order. An MSI window stays
/// one: it is only united with other MSI windows.
pub(crate) fn unite(sorted: &mut [ResvMem]) -> usize {
    let mut left = 0;
    for index in 0..sorted.len() {
        let Some(&region) = sorted.get(index) else {
            break;
        };
        let done = sorted.get_mut(..left).unwrap_or_default();
        // Of what is left of one purpose, the last has the last end.
        let last = done
            .iter_mut()
            .rfind(|other| other.kind.is_msi() == region.kind.is_msi());
        if last.is_some_and(|last| join(last, &region)) {
            continue;
        }
        if let Some(place) = sorted.get_mut(left) {
            *place = region;
            left += 1;
        }
    }
    left
}

/// Makes `region` a part of `last` if there is no gap between them. Returns whether it did.
fn join(last: &mut ResvMem, region: &ResvMem) -> bool {
    if !last.range.overlaps(region.range) && !last.range.adjoins(region.range) {
        return false;
    }
    let end = last.range.last().max(region.range.last());
    // A region of 2^64 bytes has no length that the kernel could represent: it stays in parts.
    let whole = IovaRange::new(last.range.start(), end).filter(|range| range.len().is_some());
    let Some(range) = whole else {
        return false;
    };
    last.range = range;
    if last.kind != region.kind {
        // Two unknown purposes, or one and the plain one.
        last.kind = ResvKind::Reserved;
    }
    true
}

/// Returns whether a window for MSIs has to be set aside that the device knows nothing of.
///
/// `translated` is whether an interrupt controller may have its MSIs translated.
pub(crate) fn needs_software_msi(translated: bool, regions: &[ResvMem]) -> bool {
    translated && !regions.iter().any(|region| region.kind.is_msi())
}
