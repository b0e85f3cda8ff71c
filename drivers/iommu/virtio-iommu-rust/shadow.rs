// SPDX-License-Identifier: GPL-2.0

//! What a domain maps, kept so that addresses can be looked up and mappings be made anew.
//!
//! A mapping is some words in the nodes of a sparse table, one for each node that its pages are in.
//! Which words of a node are in use its `starts` say, and a word says how many places it stands for.
//! The first word of a mapping is marked: the device can neither map nor unmap less than one MAP
//! request did. It also says whether the device was sent that request since the domain came to it.
//!
//! Changing a mapping needs the lock that orders it with the requests, and reading one does not:
//! whoever asks for an address that is mapped all the time finds it whatever happens beside it.

use core::ops::ControlFlow;

use super::{
    proto::MapFlags,
    range::{
        Granule,
        IovaRange,
        SMALLEST_SHIFT, //
    }, //
};

/// How many bits of a page number choose a place in a node of the table.
pub(crate) const BITS: u32 = 6;

/// How many places a node of the table has.
pub(crate) const PLACES: usize = 1 << BITS;

/// How many words are looked at with the lock held.
pub(crate) const STRIDE: usize = 256;

/// One number of a table, 0 at first.
pub(crate) trait Word {
    /// Returns the value.
    fn get(&self) -> u64;

    /// Changes the value.
    fn set(&self, value: u64);
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
pub(crate) struct Node<'a, W> {
    /// The places whose words are in use, a bit each.
    pub(crate) starts: &'a W,
    /// A word for each place, each for some places from its own on.
    pub(crate) words: &'a [W; PLACES],
}

impl<W: Word> Node<'_, W> {
    /// Returns the entry that stands for `place`, and where its word is.
    #[inline]
    fn entry(&self, place: usize) -> Option<(usize, Entry)> {
        let starts = self.starts.get();
        if starts == 0 {
            return None;
        }
        let upto = starts & (u64::MAX >> (PLACES - 1 - place % PLACES));
        if upto == 0 {
            return None;
        }
        let start = highest_bit(upto);
        let entry = Entry(self.words.get(start)?.get());
        (place - start < entry.places()).then_some((start, entry))
    }

    /// Whether one of the `count` places from `place` on, which are in the node, has a word in use.
    #[inline]
    fn has_start(&self, place: usize, count: usize) -> bool {
        self.starts.get() & bits(place, count) != 0
    }

    /// Puts a word into use, or changes it.
    #[inline]
    fn set(&self, place: usize, entry: Entry) {
        if let Some(word) = self.words.get(place) {
            word.set(entry.0);
            self.starts.set(self.starts.get() | bits(place, 1));
        }
    }

    /// Puts a word out of use.
    #[inline]
    fn clear(&self, place: usize) {
        self.starts.set(self.starts.get() & !bits(place, 1));
    }
}

/// Returns the number of the highest bit of `bits`, which is not 0.
fn highest_bit(bits: u64) -> usize {
    // Lossless: it is less than 64.
    usize::try_from(bits.ilog2()).unwrap_or(0)
}

/// Returns the bits of `count` places from `place` on, which are in one node.
fn bits(place: usize, count: usize) -> u64 {
    u64::MAX >> (PLACES - count.clamp(1, PLACES)) << (place % PLACES)
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

/// The value of a word that is in use: what its first page is mapped to, and the rest in the bits
/// that are always 0 in the address of a page.
#[derive(Clone, Copy)]
struct Entry(u64);

impl Entry {
    /// The mapping begins here.
    const FIRST: u64 = 1 << 0;
    /// The mapping goes on behind this.
    const MORE: u64 = 1 << 1;
    /// The device was sent the mapping that begins here.
    const SENT: u64 = 1 << 2;
    const FLAGS_SHIFT: u32 = 3;
    const PLACES_SHIFT: u32 = SMALLEST_SHIFT - BITS;
    const MARKS: u64 = (1 << SMALLEST_SHIFT) - 1;

    /// Makes the entry for `places` places.
    #[inline]
    fn new(phys: u64, flags: MapFlags, places: usize) -> Self {
        let flags = u64::from(flags.bits()) << Self::FLAGS_SHIFT;
        // A node has so few places that their number always fits.
        let places = u64::try_from(places.clamp(1, PLACES) - 1).unwrap_or(0);
        Self(phys & !Self::MARKS | flags | places << Self::PLACES_SHIFT)
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

    #[inline]
    fn places(self) -> usize {
        let places = (self.0 & Self::MARKS) >> Self::PLACES_SHIFT;
        usize::try_from(places).map_or(1, |places| places + 1)
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

/// Part of a range that one word is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The first page.
    pub(crate) page: u64,
    /// The order of the node.
    pub(crate) order: u32,
    /// The number of places.
    pub(crate) count: usize,
}

/// What is known about a page.
struct Found<'a, W> {
    /// The node that says so, or the last one on the way to it.
    node: Node<'a, W>,
    order: u32,
    /// The place of the page.
    place: usize,
    /// The entry that stands for it, and where its word is.
    entry: Option<(usize, Entry)>,
}

impl<W: Word> Found<'_, W> {
    /// Returns what the same node knows about the page behind those of `entry`, which is that of
    /// this page.
    fn behind(self, entry: Entry) -> Option<Self> {
        let place = self.place + entry.places();
        if place >= PLACES {
            return None;
        }
        let entry = self.node.entry(place);
        // With no entry here there may be one further down.
        (entry.is_some() || self.order == 0).then_some(Self {
            place,
            entry,
            ..self
        })
    }
}

/// Words for a small mapping, which [`Shadow::vacancy`] found.
pub(crate) struct Vacancy<'a, W> {
    node: Node<'a, W>,
    place: usize,
    count: usize,
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
            let highest = self.table.top(page).map_or(0, |(_, order)| order);
            let order = (fits / BITS * BITS).min(highest);
            let in_node = PLACES - index(page, order);
            let count = usize::try_from(left >> order).map_or(in_node, |count| count.min(in_node));
            next = behind(page, order, count);
            Some(Piece { page, order, count })
        })
    }

    /// Finds out about a page.
    #[inline]
    fn find(&self, page: u64) -> Option<Found<'_, T::Word>> {
        let (mut at, mut order) = self.table.top(page)?;
        loop {
            let node = self.table.node(at);
            let place = index(page, order);
            let entry = node.entry(place);
            let below = match entry {
                None if order > 0 => self.table.below(at, place),
                _ => None,
            };
            match below {
                Some(next) => at = next,
                None => {
                    return Some(Found {
                        node,
                        order,
                        place,
                        entry,
                    })
                }
            }
            order -= BITS;
        }
    }

    /// Returns the node of `order` for `page`.
    pub(crate) fn node(&self, page: u64, order: u32) -> Option<Node<'_, T::Word>> {
        let (mut at, mut here) = self.table.top(page)?;
        while here > order {
            at = self.table.below(at, index(page, here))?;
            here -= BITS;
        }
        Some(self.table.node(at))
    }

    /// Returns the place for a mapping of `iova`, if it is in a node that is there already and
    /// nothing is mapped there.
    ///
    /// Most mappings are small: for them this is all that has to be looked for.
    #[inline]
    pub(crate) fn vacancy(&self, iova: IovaRange) -> Option<Vacancy<'_, T::Word>> {
        let first = iova.start() >> self.shift;
        let more = usize::try_from((iova.last() >> self.shift) - first).ok()?;
        let found = self.find(first)?;
        let (place, count) = (found.place, more.checked_add(1)?);
        let fits = found.order == 0 && count <= PLACES - place;
        let vacant = fits && found.entry.is_none() && !found.node.has_start(place, count);
        vacant.then_some(Vacancy {
            node: found.node,
            place,
            count,
        })
    }

    /// Adds a mapping as [`Self::insert`] does, where [`Self::vacancy`] said.
    #[inline]
    pub(crate) fn fill(&self, vacancy: &Vacancy<'_, T::Word>, mapping: &Mapping, sent: bool) {
        let entry = Entry::new(mapping.phys, mapping.flags, vacancy.count).with(first(sent));
        vacancy.node.set(vacancy.place, entry);
    }

    /// Whether no address of `iova` is mapped.
    pub(crate) fn is_vacant(&self, iova: IovaRange) -> bool {
        let last = iova.last() >> self.shift;
        let mut page = iova.start() >> self.shift;
        while page <= last {
            let Some(found) = self.find(page) else {
                return true;
            };
            if found.entry.is_some() {
                return false;
            }
            let count = if found.order == 0 {
                usize::try_from(last - page)
                    .map_or(PLACES, |more| more.saturating_add(1))
                    .min(PLACES - found.place)
            } else {
                1
            };
            if found.order == 0 && found.node.has_start(found.place, count) {
                return false;
            }
            page = behind(page, found.order, count);
        }
        true
    }

    /// Adds a mapping, which was sent or not. The caller has seen that nothing is mapped there, and
    /// has reserved the nodes of all pieces.
    pub(crate) fn insert(&self, mapping: &Mapping, sent: bool) {
        let mut phys = mapping.phys;
        let mut marks = first(sent);
        let mut pieces = self.pieces(mapping.iova).peekable();
        while let Some(Piece { page, order, count }) = pieces.next() {
            if pieces.peek().is_some() {
                marks |= Entry::MORE;
            }
            let entry = Entry::new(phys, mapping.flags, count).with(marks);
            if let Some(node) = self.node(page, order) {
                node.set(index(page, order), entry);
            }
            let pages = behind(page, order, count) - page;
            phys = phys.wrapping_add(pages << self.shift);
            marks = 0;
        }
    }

    /// Returns what `address` is mapped to.
    pub(crate) fn lookup(&self, address: u64) -> Option<u64> {
        let found = self.find(address >> self.shift)?;
        let (start, entry) = found.entry?;
        let shift = found.order + self.shift;
        let distance = u64::try_from(found.place - start).ok()? << shift;
        let offset = address & ((1 << shift) - 1);
        entry.phys().checked_add(distance | offset)
    }

    /// Calls `visit` with the words in use from `page` on, until it breaks: with the first page, the
    /// order, the node and the place, and the entry.
    ///
    /// Returns the page to go on from after [`STRIDE`] steps or after a break, and [`None`] at the
    /// end.
    fn visit(
        &self,
        mut page: u64,
        mut visit: impl FnMut(u64, &Found<'_, T::Word>, usize, Entry) -> ControlFlow<()>,
    ) -> Option<u64> {
        for _ in 0..STRIDE {
            if page > self.last {
                return None;
            }
            let found = self.find(page)?;
            let count = match found.entry {
                Some((start, entry)) => {
                    // Any of its pages may have been asked for.
                    page = before(page, found.order, found.place - start);
                    if visit(page, &found, start, entry).is_break() {
                        return Some(page);
                    }
                    entry.places()
                }
                None if found.order == 0 => {
                    let rest = found.node.starts.get() >> found.place;
                    usize::try_from(rest.trailing_zeros())
                        .map_or(PLACES, |count| count.min(PLACES - found.place))
                }
                None => 1,
            };
            page = behind(page, found.order, count);
        }
        Some(page)
    }

    /// Returns the page behind the mapping whose first entry is `entry`, at `page`.
    fn extent(&self, page: u64, order: u32, entry: Entry) -> u64 {
        let mut page = behind(page, order, entry.places());
        let mut more = entry.has(Entry::MORE);
        while more {
            let Some((order, (_, entry))) = self
                .find(page)
                .and_then(|found| Some(found.order).zip(found.entry))
            else {
                break;
            };
            page = behind(page, order, entry.places());
            more = entry.has(Entry::MORE);
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
        let next = self.visit(page, |page, found, place, entry| {
            if !entry.has(Entry::FIRST) || entry.has(Entry::SENT) {
                return ControlFlow::Continue(());
            }
            let Some(iova) = self.range(page, self.extent(page, found.order, entry)) else {
                return ControlFlow::Continue(());
            };
            let mapping = Mapping {
                iova,
                phys: entry.phys(),
                flags: entry.flags(),
            };
            match send(&mapping) {
                Ok(true) => {
                    found.node.set(place, entry.with(Entry::SENT));
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
        self.visit(page, |_, found, place, entry| {
            if entry.has(Entry::SENT) {
                found.node.set(place, entry.without(Entry::SENT));
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

    /// Removes some. Returns whether that was the last of it; nothing more goes after that.
    pub(crate) fn step<T: Table>(&mut self, shadow: &Shadow<T>) -> bool {
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

/// Returns the marks of the first word of a mapping.
fn first(sent: bool) -> u64 {
    if sent {
        Entry::FIRST | Entry::SENT
    } else {
        Entry::FIRST
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
fn pages(order: u32, count: usize) -> u64 {
    u64::try_from(count).map_or(u64::MAX, |count| count << order)
}

/// Returns the first page of the place `count` places before that of `page`.
#[inline]
fn before(page: u64, order: u32, count: usize) -> u64 {
    (page >> order << order).saturating_sub(pages(order, count))
}

/// Returns the page behind `count` places of `order`, the first of which is that of `page`.
#[inline]
fn behind(page: u64, order: u32, count: usize) -> u64 {
    before(page, order, 0).saturating_add(pages(order, count))
}
