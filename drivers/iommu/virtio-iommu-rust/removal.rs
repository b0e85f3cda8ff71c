// SPDX-License-Identifier: GPL-2.0

//! Taking mappings out of those of a domain.

use super::{
    range::IovaRange,
    shadow::{
        Found,
        Shadow,
        STRIDE, //
    },
    words::{
        before,
        behind,
        Entry,
        Table, //
    }, //
};

/// What [`Removal`] took out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Removed {
    /// The addresses, without a hole.
    pub(crate) iova: IovaRange,
    /// Whether a MAP request was sent for any of them.
    pub(crate) sent: bool,
}

/// The removal of the mappings that begin in a range, up to the first hole.
///
/// A mapping is taken out whole, so more than the range may go: the device cannot split one either.
/// Nothing is taken out if the first address is not the beginning of a mapping.
pub(crate) struct Removal {
    first: u64,
    last: u64,
    next: u64,
    sent: bool,
}

impl Removal {
    /// Begins to remove `iova`.
    pub(crate) fn new<T: Table>(shadow: &Shadow<T>, iova: IovaRange) -> Self {
        let first = iova.start() >> shadow.shift;
        Self {
            first,
            last: iova.last() >> shadow.shift,
            next: first,
            sent: false,
        }
    }

    /// Removes some. Returns whether that was the last of it; nothing more goes after that.
    pub(crate) fn step<T: Table>(&mut self, shadow: &Shadow<T>) -> bool {
        let is_last = self.clear(shadow);
        shadow.hint().removed();
        is_last
    }

    /// Takes some words out of use.
    fn clear<T: Table>(&mut self, shadow: &Shadow<T>) -> bool {
        let end = self.last.min(shadow.last);
        let mut known = None;
        for _ in 0..STRIDE {
            let Some(found) = known.take().or_else(|| shadow.find(self.next)) else {
                return true;
            };
            let entry = match found.entry {
                Some((start, entry)) if start == found.place && self.takes(&found, entry) => entry,
                _ => return true,
            };
            found.node.clear(found.place);
            self.sent |= entry.has(Entry::SENT);
            self.next = behind(self.next, found.order, entry.places());
            if self.next > end && !entry.has(Entry::MORE) {
                return true;
            }
            known = found.behind(entry);
        }
        false
    }

    /// Whether the entry at `self.next` is to go.
    fn takes<W>(&self, found: &Found<'_, W>, entry: Entry) -> bool {
        if entry.has(Entry::FIRST) {
            self.next <= self.last && before(self.next, found.order, 0) == self.next
        } else {
            // The rest of a mapping, unless its beginning was not asked for.
            self.next != self.first
        }
    }

    /// Returns what was removed.
    pub(crate) fn removed<T: Table>(&self, shadow: &Shadow<T>) -> Option<Removed> {
        let iova = shadow
            .range(self.first, self.next)
            .filter(|_| self.next != self.first)?;
        Some(Removed {
            iova,
            sent: self.sent,
        })
    }
}
