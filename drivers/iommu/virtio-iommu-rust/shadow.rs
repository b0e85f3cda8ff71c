// SPDX-License-Identifier: GPL-2.0

//! What a domain maps, kept so that addresses can be looked up and mappings be made anew.
//!
//! A mapping is a run of words in a sparse table, as few as its addresses allow. The first of them
//! is marked: the device can neither map nor unmap less than one MAP request did. It also says
//! whether the device was sent that request since the domain came to it.
//!
//! Changing a mapping needs the lock that orders it with the requests, and reading one does not.

use core::ops::ControlFlow;

use super::{
    proto::MapFlags,
    range::{
        Granule,
        IovaRange, //
    }, //
};

/// How many bits of a page number choose a word in a node of the table.
pub(crate) const BITS: u32 = 6;

/// How many words a node of the table has.
pub(crate) const WORDS: usize = 1 << BITS;

/// How many words are looked at with the lock held.
pub(crate) const STRIDE: usize = 256;

/// One word of a table, 0 at first.
pub(crate) trait Word {
    /// Returns the value.
    fn get(&self) -> u64;

    /// Changes the value.
    fn set(&self, value: u64);
}

/// A sparse table of words for pages.
///
/// The words of order *n* are for 2^*n* pages each, from a multiple of that on. Orders are multiples
/// of [`BITS`].
pub(crate) trait Table {
    /// The words.
    type Word: Word;

    /// Returns the largest order of words for `page`.
    fn highest(&self, page: u64) -> u32;

    /// Returns the words of `order` from that of `page` to the last of its node; none if there is no
    /// such node yet.
    fn words(&self, page: u64, order: u32) -> &[Self::Word];

    /// Returns the word for `page` that is not 0, or else the one of the smallest order that there
    /// is; with its order. Those of order 0 are followed by the rest of their node.
    fn find(&self, page: u64) -> Option<(&[Self::Word], u32)>;
}

/// A mapping as one MAP request makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// The I/O virtual addresses.
    pub(crate) iova: IovaRange,
    /// What the first of them is mapped to.
    pub(crate) phys: u64,
    /// The accesses allowed.
    pub(crate) flags: MapFlags,
}

/// The value of a word that is in use: what its pages are mapped to, and marks in the bits that
/// are always 0 in the address of a page.
#[derive(Clone, Copy)]
struct Entry(u64);

impl Entry {
    const PRESENT: u64 = 1 << 0;
    const FIRST: u64 = 1 << 1;
    const SENT: u64 = 1 << 2;
    const FLAGS_SHIFT: u32 = 3;
    const MARKS: u64 = (1 << SMALLEST_SHIFT) - 1;

    fn of(word: &impl Word) -> Option<Self> {
        let value = word.get();
        (value & Self::PRESENT != 0).then_some(Self(value))
    }

    fn new(phys: u64, flags: MapFlags) -> Self {
        Self(phys & !Self::MARKS | u64::from(flags.bits()) << Self::FLAGS_SHIFT | Self::PRESENT)
    }

    fn with(self, mark: u64) -> Self {
        Self(self.0 | mark)
    }

    fn without(self, mark: u64) -> Self {
        Self(self.0 & !mark)
    }

    fn has(self, mark: u64) -> bool {
        self.0 & mark != 0
    }

    fn phys(self) -> u64 {
        self.0 & !Self::MARKS
    }

    fn flags(self) -> MapFlags {
        let has = |flag: MapFlags| self.has(u64::from(flag.bits()) << Self::FLAGS_SHIFT);
        MapFlags::new(
            has(MapFlags::READ),
            has(MapFlags::WRITE),
            has(MapFlags::MMIO),
        )
    }
}

/// The page size of a table is at least two to the power of this.
pub(crate) const SMALLEST_SHIFT: u32 = 12;

/// Part of a range, with words of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The first page.
    pub(crate) page: u64,
    /// Each word is for two to the power of this many pages.
    pub(crate) order: u32,
    /// The number of words.
    pub(crate) count: usize,
}

/// What [`Removal`] took out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Removed {
    /// The addresses, without a hole.
    pub(crate) iova: IovaRange,
    /// Whether a MAP request was sent for any of them.
    pub(crate) sent: bool,
}

/// The mappings of one domain.
pub(crate) struct Shadow<T> {
    table: T,
    shift: u32,
    last: u64,
}

impl<T: Table> Shadow<T> {
    /// Creates the mappings of a domain whose addresses end with `last`, in a table for pages of
    /// `page` bytes, at least 2^[`SMALLEST_SHIFT`]; `table` is empty.
    pub(crate) fn new(table: T, page: Granule, last: u64) -> Self {
        let shift = page.shift();
        Self {
            table,
            shift,
            last: last >> shift,
        }
    }

    /// The table.
    pub(crate) fn table(&self) -> &T {
        &self.table
    }

    /// Returns the pieces that a mapping of `iova` is made of.
    pub(crate) fn pieces(&self, iova: IovaRange) -> impl Iterator<Item = Piece> + '_ {
        let last = iova.last() >> self.shift;
        let mut next = iova.start() >> self.shift;
        core::iter::from_fn(move || {
            let page = next;
            let left = last.checked_sub(page)?.checked_add(1)?;
            let fits = page.trailing_zeros().min(left.ilog2());
            let order = (fits / BITS * BITS).min(self.table.highest(page));
            let in_node = WORDS - index(page, order);
            let count = usize::try_from(left >> order).map_or(in_node, |count| count.min(in_node));
            next = behind(page, order, count);
            Some(Piece { page, order, count })
        })
    }

    /// Whether no address of `iova` is mapped.
    pub(crate) fn is_vacant(&self, iova: IovaRange) -> bool {
        let last = iova.last() >> self.shift;
        let mut page = iova.start() >> self.shift;
        while page <= last {
            let Some((words, order)) = self.table.find(page) else {
                return true;
            };
            for word in words {
                if page > last {
                    return true;
                }
                if word.get() != 0 {
                    return false;
                }
                page = behind(page, order, 1);
            }
        }
        true
    }

    /// Adds a mapping, which was sent or not. The caller has seen that nothing is mapped there, and
    /// has reserved the words of all pieces.
    pub(crate) fn insert(&self, mapping: &Mapping, sent: bool) {
        let mut entry = Entry::new(mapping.phys, mapping.flags).with(Entry::FIRST);
        if sent {
            entry = entry.with(Entry::SENT);
        }
        for Piece { page, order, count } in self.pieces(mapping.iova) {
            let distance = 1 << (order + self.shift);
            for word in self.table.words(page, order).iter().take(count) {
                word.set(entry.0);
                let phys = entry.phys().wrapping_add(distance);
                entry = Entry::new(phys, mapping.flags);
            }
        }
    }

    /// Returns what `address` is mapped to.
    pub(crate) fn lookup(&self, address: u64) -> Option<u64> {
        let (words, order) = self.table.find(address >> self.shift)?;
        let entry = Entry::of(words.first()?)?;
        let offset = address & ((1 << (order + self.shift)) - 1);
        entry.phys().checked_add(offset)
    }

    /// Calls `visit` with the words in use from `page` on, until it breaks.
    ///
    /// Returns the page to go on from after [`STRIDE`] words or after a break, and [`None`] at the
    /// end.
    fn visit(
        &self,
        mut page: u64,
        mut visit: impl FnMut(u64, u32, &T::Word, Entry) -> ControlFlow<()>,
    ) -> Option<u64> {
        let mut visited = 0;
        while visited < STRIDE {
            let (words, order) = self.table.find(page)?;
            // Any of a large word's pages may have been asked for.
            page = start(page, order);
            for word in words {
                if page > self.last {
                    return None;
                }
                if let Some(entry) = Entry::of(word) {
                    if visit(page, order, word, entry).is_break() {
                        return Some(page);
                    }
                }
                page = behind(page, order, 1);
                visited += 1;
            }
        }
        Some(page)
    }

    /// Returns the page behind the mapping that begins at `first` with a word of `order`.
    fn extent(&self, first: u64, order: u32) -> u64 {
        let mut page = behind(first, order, 1);
        while let Some((words, order)) = self.table.find(page) {
            for word in words {
                let belongs = Entry::of(word).is_some_and(|entry| !entry.has(Entry::FIRST));
                if !belongs || page > self.last {
                    return page;
                }
                page = behind(page, order, 1);
            }
        }
        page
    }

    /// Returns the addresses of the pages from `page` to the one before `behind`.
    fn range(&self, page: u64, behind: u64) -> Option<IovaRange> {
        // Behind the last of all addresses is 0.
        IovaRange::new(page << self.shift, (behind << self.shift).wrapping_sub(1))
    }

    /// Offers the mappings from `page` on that were not sent to `send`.
    ///
    /// Stops when `send` says that there is no room, or after some words; returns the page to go on
    /// from, and [`None`] if all were sent.
    pub(crate) fn send_missing<E>(
        &self,
        page: u64,
        mut send: impl FnMut(&Mapping) -> Result<bool, E>,
    ) -> Result<Option<u64>, E> {
        let mut result = Ok(());
        let next = self.visit(page, |page, order, word, entry| {
            if !entry.has(Entry::FIRST) || entry.has(Entry::SENT) {
                return ControlFlow::Continue(());
            }
            let Some(iova) = self.range(page, self.extent(page, order)) else {
                return ControlFlow::Continue(());
            };
            let mapping = Mapping {
                iova,
                phys: entry.phys(),
                flags: entry.flags(),
            };
            match send(&mapping) {
                Ok(true) => {
                    word.set(entry.with(Entry::SENT).0);
                    ControlFlow::Continue(())
                }
                Ok(false) => ControlFlow::Break(()),
                Err(error) => {
                    result = Err(error);
                    ControlFlow::Break(())
                }
            }
        });
        result.map(|()| next)
    }

    /// Takes note that the device has none of the mappings from `page` on.
    ///
    /// Returns the page to go on from.
    pub(crate) fn forget_sent(&self, page: u64) -> Option<u64> {
        self.visit(page, |_, _, word, entry| {
            if entry.has(Entry::SENT) {
                word.set(entry.without(Entry::SENT).0);
            }
            ControlFlow::Continue(())
        })
    }
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

    /// Removes some. Returns whether that was the last of it.
    pub(crate) fn step<T: Table>(&mut self, shadow: &Shadow<T>) -> bool {
        let mut visited = 0;
        while visited < STRIDE {
            let Some((words, order)) = shadow.table.find(self.next) else {
                return true;
            };
            for word in words {
                match Entry::of(word) {
                    Some(entry) if self.takes(entry, order) => {
                        word.set(0);
                        self.sent |= entry.has(Entry::SENT);
                        self.next = behind(self.next, order, 1);
                    }
                    _ => return true,
                }
                visited += 1;
            }
        }
        false
    }

    /// Whether the entry at `self.next` is to go.
    fn takes(&self, entry: Entry, order: u32) -> bool {
        if entry.has(Entry::FIRST) {
            self.next <= self.last && start(self.next, order) == self.next
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

/// Returns the place of `page` among the words of `order` in their node.
pub(crate) fn index(page: u64, order: u32) -> usize {
    // Lossless: it is less than `WORDS`.
    usize::try_from(page >> order).map_or(0, |number| number % WORDS)
}

/// Returns the first page of the word of `order` that `page` belongs to.
fn start(page: u64, order: u32) -> u64 {
    page >> order << order
}

/// Returns the page behind `count` words of `order`, the first of which is that of `page`.
fn behind(page: u64, order: u32, count: usize) -> u64 {
    let pages = u64::try_from(count).map_or(u64::MAX, |count| count << order);
    start(page, order).saturating_add(pages)
}
