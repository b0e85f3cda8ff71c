// SPDX-License-Identifier: GPL-2.0

//! Identity mappings for devices without a bypass domain.

use super::range::{
    Granule,
    IovaRange, //
};

/// Returns the ranges to map one to one so that an endpoint reaches all of `aperture` but the
/// reserved ranges.
///
/// `reserved` has to be sorted by start; the ranges may overlap. What is left is made of whole
/// granules: one that is reserved in part is left out.
pub(crate) fn identity_ranges<I>(
    aperture: IovaRange,
    granule: Granule,
    reserved: I,
) -> IdentityRanges<I>
where
    I: Iterator<Item = IovaRange>,
{
    IdentityRanges {
        rest: whole_granules(aperture, granule),
        granule,
        reserved,
    }
}

/// Iterator over ranges to map one to one.
#[derive(Clone, Debug)]
pub(crate) struct IdentityRanges<I> {
    /// What is neither returned nor known to be reserved. Its ends are those of granules.
    rest: Option<IovaRange>,
    granule: Granule,
    reserved: I,
}

impl<I> Iterator for IdentityRanges<I>
where
    I: Iterator<Item = IovaRange>,
{
    type Item = IovaRange;

    fn next(&mut self) -> Option<IovaRange> {
        loop {
            let rest = self.rest?;

            let Some(reserved) = self.reserved.next() else {
                self.rest = None;
                return Some(rest);
            };

            let reserved = touched_granules(reserved, self.granule);

            if !reserved.overlaps(rest) {
                continue;
            }

            self.rest = behind(reserved).and_then(|start| IovaRange::new(start, rest.last()));

            if let Some(range) = in_front(reserved).and_then(|last| {
                // [`None`] if there is nothing in front of the reserved range.
                IovaRange::new(rest.start(), last)
            }) {
                return Some(range);
            }
        }
    }
}

/// Returns the first address behind `range`, if there is one.
fn behind(range: IovaRange) -> Option<u64> {
    range.last().checked_add(1)
}

/// Returns the last address in front of `range`, if there is one.
fn in_front(range: IovaRange) -> Option<u64> {
    range.start().checked_sub(1)
}

/// Shrinks `range` to the granules that lie entirely in it.
pub(crate) fn whole_granules(range: IovaRange, granule: Granule) -> Option<IovaRange> {
    let start = granule.align_up(range.start())?;
    let last = match behind(range) {
        Some(end) => granule.align_down(end).checked_sub(1)?,
        // The end of the address space is that of a granule too.
        None => range.last(),
    };

    IovaRange::new(start, last)
}

/// Extends `range` to all granules that it has a part in.
fn touched_granules(range: IovaRange, granule: Granule) -> IovaRange {
    let start = granule.align_down(range.start());
    let last = granule.align_down(range.last()) | granule.offset_mask();

    // The ends only move outwards, so they stay in order.
    IovaRange::new(start, last).unwrap_or(range)
}
