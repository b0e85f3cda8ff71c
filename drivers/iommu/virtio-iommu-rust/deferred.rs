// SPDX-License-Identifier: GPL-2.0

//! UNMAP requests that are still to be made, so that neighbours become one.
//!
//! What is unmapped may stay known to the device until the IOMMU core asks for it to be forgotten.
//! Only ranges without a gap between them are joined: nothing is unmapped that nobody asked for.

use super::{
    proto::DomainId,
    range::IovaRange, //
};

/// How many ranges can wait.
const PLACES: usize = 64;

/// With how many it is time to make the requests: the device can then work on them while nobody
/// waits for it.
const DUE: usize = 32;

/// Among how many of them a neighbour is looked for.
const NEIGHBOURS: usize = 4;

/// A range of a domain that is to be unmapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    /// The domain.
    pub(crate) domain: DomainId,
    /// The addresses.
    pub(crate) iova: IovaRange,
}

impl Range {
    /// Whether both are of one domain and share an address.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.domain == other.domain && self.iova.overlaps(other.iova)
    }

    /// Returns both as one range, if there is nothing between them.
    #[inline]
    fn join(&self, other: &Self) -> Option<Self> {
        if self.domain != other.domain {
            return None;
        }
        let (low, high) = if self.iova.adjoins(other.iova) {
            (self.iova, other.iova)
        } else if other.iova.adjoins(self.iova) {
            (other.iova, self.iova)
        } else {
            return None;
        };
        let iova = IovaRange::new(low.start(), high.last())?;
        Some(Self { iova, ..*self })
    }
}

/// The ranges that wait.
///
/// # Invariants
///
/// The first `len` places are [`Some`], all others are [`None`].
pub(crate) struct Deferred {
    places: [Option<Range>; PLACES],
    len: usize,
}

impl Deferred {
    /// Makes a list of nothing.
    pub(crate) const fn new() -> Self {
        // INVARIANT: There is none.
        Self {
            places: [None; PLACES],
            len: 0,
        }
    }

    /// Adds a range, if there is room.
    #[must_use]
    pub(crate) fn add(&mut self, range: Range) -> bool {
        let used = self.places.get_mut(..self.len).unwrap_or_default();
        // The neighbour is what came last, or before that on another CPU.
        for place in used.iter_mut().rev().take(NEIGHBOURS).flatten() {
            if let Some(joined) = place.join(&range) {
                *place = joined;
                return true;
            }
        }
        match self.places.get_mut(self.len) {
            Some(place) => {
                // INVARIANT: One more is `Some`.
                *place = Some(range);
                self.len += 1;
                true
            }
            None => false,
        }
    }

    /// Returns the number of ranges.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether there are so many that the requests should be made.
    pub(crate) fn is_due(&self) -> bool {
        self.len >= DUE
    }

    /// Returns a range that `wanted` accepts, and its place.
    pub(crate) fn find(&self, wanted: impl Fn(&Range) -> bool) -> Option<(usize, Range)> {
        self.places
            .iter()
            .take(self.len)
            .enumerate()
            .find_map(|(place, range)| Some(place).zip(range.filter(&wanted)))
    }

    /// Removes the range in `place`, which [`Self::find`] has returned.
    pub(crate) fn remove(&mut self, place: usize) {
        let Some(last) = self.len.checked_sub(1).filter(|last| place <= *last) else {
            return;
        };
        self.places.swap(place, last);
        if let Some(place) = self.places.get_mut(last) {
            // INVARIANT: It was the last that is `Some`.
            *place = None;
        }
        self.len = last;
    }

    /// Removes all ranges of `domain`.
    pub(crate) fn forget(&mut self, domain: DomainId) {
        while let Some((place, _)) = self.find(|range| range.domain == domain) {
            self.remove(place);
        }
    }
}
