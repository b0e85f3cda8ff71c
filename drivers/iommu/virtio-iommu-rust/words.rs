// SPDX-License-Identifier: GPL-2.0

//! The words of the table that the mappings of a domain are kept in.

use super::{
    proto::MapFlags,
    range::SMALLEST_SHIFT, //
};

/// How many bits of a page number choose a place in a node of the table.
pub(crate) const BITS: u32 = 6;

/// How many places a node of the table has.
pub(crate) const PLACES: usize = 1 << BITS;

/// One number of a table, 0 at first.
pub(crate) trait Word {
    /// Makes one.
    fn zero() -> Self;

    /// Returns the value.
    fn get(&self) -> u64;

    /// Changes the value.
    fn set(&self, value: u64);

    /// Returns the value, with all that came before it was [published](Self::publish).
    fn observe(&self) -> u64;

    /// Changes the value, for those that [observe](Self::observe) it and what came before it.
    fn publish(&self, value: u64);

    /// Changes the value if it is `old`, before all that comes after it; returns whether it was.
    fn replace(&self, old: u64, new: u64) -> bool;
}

/// A sparse table for pages: a tree of nodes.
///
/// The places of a node of order *n* are for 2^*n* pages each, from a multiple of that on. Orders
/// are multiples of [`BITS`]. There may be another node below each place, of the next order.
pub(crate) trait Table {
    /// The numbers.
    type Word: Word;

    /// A node.
    type At<'a>: Copy
    where
        Self: 'a;

    /// Returns the topmost node for `page`, and its order.
    fn top(&self, page: u64) -> Option<(Self::At<'_>, u32)>;

    /// Returns what is in a node.
    fn node<'a>(&'a self, at: Self::At<'a>) -> Node<'a, Self::Word>;

    /// Returns the node below a place.
    fn below<'a>(&'a self, at: Self::At<'a>, place: usize) -> Option<Self::At<'a>>;
}

/// What is in a node of a table.
///
/// Whoever looks up takes no lock: a word is there before the bit that says so.
pub(crate) struct Node<'a, W> {
    /// The places whose words are in use, a bit each.
    pub(crate) starts: &'a W,
    /// A word for each place, each for some places from its own on.
    pub(crate) words: &'a [W; PLACES],
}

impl<W: Word> Node<'_, W> {
    /// Returns the entry that stands for `place`, and where its word is.
    #[inline]
    pub(crate) fn entry(&self, place: usize) -> Option<(usize, Entry)> {
        let starts = self.starts.observe();
        if starts == 0 {
            return None;
        }
        let upto = starts & (u64::MAX >> (PLACES - 1 - place % PLACES));
        let start = highest_bit(upto)?;
        let entry = Entry(self.words.get(start)?.get());
        (place - start < entry.places()).then_some((start, entry))
    }

    /// Whether one of the `count` places from `place` on, which are in the node, has a word in use.
    #[inline]
    pub(crate) fn has_start(&self, place: usize, count: usize) -> bool {
        self.starts.get() & bits(place, count) != 0
    }

    /// Puts a word into use, or changes it.
    #[inline]
    pub(crate) fn set(&self, place: usize, entry: Entry) {
        if let Some(word) = self.words.get(place) {
            word.set(entry.0);
            self.starts.publish(self.starts.get() | bits(place, 1));
        }
    }

    /// Puts a word out of use.
    #[inline]
    pub(crate) fn clear(&self, place: usize) {
        self.starts.publish(self.starts.get() & !bits(place, 1));
    }
}

/// Returns the number of the highest bit.
#[inline]
fn highest_bit(bits: u64) -> Option<usize> {
    usize::try_from(bits.checked_ilog2()?).ok()
}

/// Returns the bits of `count` places from `place` on, which are in one node.
fn bits(place: usize, count: usize) -> u64 {
    u64::MAX >> (PLACES - count.clamp(1, PLACES)) << (place % PLACES)
}

/// The value of a word that is in use: what its first page is mapped to, and the rest in the bits
/// that are always 0 in the address of a page.
#[derive(Clone, Copy)]
pub(crate) struct Entry(u64);

impl Entry {
    /// The mapping begins here.
    pub(crate) const FIRST: u64 = 1 << 0;
    /// The mapping goes on behind this.
    pub(crate) const MORE: u64 = 1 << 1;
    /// The device was sent the mapping that begins here.
    pub(crate) const SENT: u64 = 1 << 2;
    const FLAGS_SHIFT: u32 = 3;
    const PLACES_SHIFT: u32 = SMALLEST_SHIFT - BITS;
    const MARKS: u64 = (1 << SMALLEST_SHIFT) - 1;

    /// Makes the entry for `places` places.
    #[inline]
    pub(crate) fn new(phys: u64, flags: MapFlags, places: usize) -> Self {
        let flags = u64::from(flags.bits()) << Self::FLAGS_SHIFT;
        // A node has so few places that their number always fits.
        let places = u64::try_from(places.clamp(1, PLACES) - 1).unwrap_or(0);
        Self(phys & !Self::MARKS | flags | places << Self::PLACES_SHIFT)
    }

    pub(crate) fn with(self, mark: u64) -> Self {
        Self(self.0 | mark)
    }

    pub(crate) fn without(self, mark: u64) -> Self {
        Self(self.0 & !mark)
    }

    pub(crate) fn has(self, mark: u64) -> bool {
        self.0 & mark != 0
    }

    pub(crate) fn phys(self) -> u64 {
        self.0 & !Self::MARKS
    }

    #[inline]
    pub(crate) fn places(self) -> usize {
        let places = (self.0 & Self::MARKS) >> Self::PLACES_SHIFT;
        usize::try_from(places).map_or(1, |places| places + 1)
    }

    pub(crate) fn flags(self) -> MapFlags {
        let has = |flag: MapFlags| self.has(u64::from(flag.bits()) << Self::FLAGS_SHIFT);
        MapFlags::new(
            has(MapFlags::READ),
            has(MapFlags::WRITE),
            has(MapFlags::MMIO),
        )
    }
}

/// Returns the place of `page` in its node of `order`.
#[inline]
pub(crate) fn index(page: u64, order: u32) -> usize {
    // Lossless: it is less than `PLACES`.
    usize::try_from(page >> order).map_or(0, |number| number % PLACES)
}

/// Returns the number of pages that `count` places of `order` are for.
#[inline]
pub(crate) fn pages(order: u32, count: usize) -> u64 {
    u64::try_from(count).map_or(u64::MAX, |count| count << order)
}

/// Returns the first page of the place `count` places before that of `page`.
#[inline]
pub(crate) fn before(page: u64, order: u32, count: usize) -> u64 {
    (page >> order << order).saturating_sub(pages(order, count))
}

/// Returns the page behind `count` places of `order`, the first of which is that of `page`.
#[inline]
pub(crate) fn behind(page: u64, order: u32, count: usize) -> u64 {
    before(page, order, 0).saturating_add(pages(order, count))
}
