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
    hint::{
        Hint,
        Span, //
    },
    proto::MapFlags,
    range::{
        Granule,
        IovaRange, //
    },
    words::{
        self,
        before,
        behind,
        index,
        Entry,
        Node,
        Table,
        Word,
        BITS,
        PLACES, //
    }, //
};

/// How many words are looked at with the lock held.
pub(crate) const STRIDE: usize = 256;

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
pub(crate) struct Found<'a, W> {
    /// The node that says so, or the last one on the way to it.
    pub(crate) node: Node<'a, W>,
    pub(crate) order: u32,
    /// The place of the page.
    pub(crate) place: usize,
    /// The entry that stands for it, and where its word is.
    pub(crate) entry: Option<(usize, Entry)>,
}

impl<W: Word> Found<'_, W> {
    /// Returns what the same node knows about the page behind those of `entry`, which is that of
    /// this page.
    pub(crate) fn behind(self, entry: Entry) -> Option<Self> {
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

/// The mappings of one domain.
pub(crate) struct Shadow<T: Table> {
    table: T,
    hint: Hint<T::Word>,
    /// Log2 of the bytes of a page.
    pub(crate) shift: u32,
    /// The last page.
    pub(crate) last: u64,
}

impl<T: Table> Shadow<T> {
    /// Creates the mappings of a domain whose addresses end with `last`, in a table for pages of
    /// `page` bytes, at least 2^[`SMALLEST_SHIFT`]; `table` is empty.
    pub(crate) fn new(table: T, page: Granule, last: u64) -> Self {
        let shift = page.shift();
        Self {
            table,
            hint: Hint::new(),
            shift,
            last: last >> shift,
        }
    }

    /// The table.
    pub(crate) fn table(&self) -> &T {
        &self.table
    }

    /// What was looked up last.
    pub(crate) fn hint(&self) -> &Hint<T::Word> {
        &self.hint
    }

    /// Returns the pieces that a mapping of `iova` is made of.
    pub(crate) fn pieces(&self, iova: IovaRange) -> impl Iterator<Item = Piece> + '_ {
        let last = iova.last() >> self.shift;
        let mut next = iova.start() >> self.shift;
        core::iter::from_fn(move || {
            let page = next;
            let left = last.checked_sub(page)?.checked_add(1)?;
            let fits = page.trailing_zeros().min(left.checked_ilog2()?);
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
    pub(crate) fn find(&self, page: u64) -> Option<Found<'_, T::Word>> {
        let (mut at, mut order) = self.table.top(page)?;
        loop {
            let node = self.table.node(at);
            let place = index(page, order);
            let entry = node.entry(place);
            if entry.is_none() {
                if let Some(next) = self.table.below(at, place) {
                    at = next;
                    order -= BITS;
                    continue;
                }
            }
            return Some(Found {
                node,
                order,
                place,
                entry,
            });
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

    /// Returns the place for a mapping of `iova`, if it takes one word in a node that is there
    /// already and nothing is mapped there.
    ///
    /// Most mappings are small or aligned: for them this is all that has to be looked for.
    #[inline]
    pub(crate) fn vacancy(&self, iova: IovaRange) -> Option<Vacancy<'_, T::Word>> {
        let page = iova.start() >> self.shift;
        let pages = ((iova.last() >> self.shift) - page).checked_add(1)?;
        // The same order that it would have as one of the `pieces()`.
        let fits = page.trailing_zeros().min(pages.checked_ilog2()?);
        let order = match fits / BITS {
            0 => 0,
            1 => BITS,
            _ => return None,
        };
        let count = usize::try_from(pages >> order).ok()?;
        let (at, place) = self.descend(page, order)?;
        let node = self.table.node(at);
        let fits = count <= PLACES - place && pages == words::pages(order, count);
        let vacant = fits && !node.has_start(place, count) && {
            // The nodes below are of the last level.
            order == 0 || (place..place + count).all(|place| self.is_leaf_empty(at, place))
        };
        vacant.then_some(Vacancy { node, place, count })
    }

    /// Returns the node of `order` for `page`, and its place there, unless something is mapped
    /// there.
    #[inline]
    fn descend(&self, page: u64, order: u32) -> Option<(T::At<'_>, usize)> {
        let (mut at, mut here) = self.table.top(page)?;
        while here >= order {
            let place = index(page, here);
            if self.table.node(at).entry(place).is_some() {
                return None;
            }
            if here == order {
                return Some((at, place));
            }
            at = self.table.below(at, place)?;
            here -= BITS;
        }
        None
    }

    /// Whether there is nothing in the node below a place, which has no others below it.
    #[inline]
    fn is_leaf_empty<'a>(&'a self, at: T::At<'a>, place: usize) -> bool {
        let below = self.table.below(at, place);
        below.is_none_or(|below| self.table.node(below).starts.get() == 0)
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
    #[inline]
    pub(crate) fn lookup(&self, address: u64) -> Option<u64> {
        self.hint
            .translate(address)
            .or_else(|| self.lookup_span(address))
    }

    /// The same for those who did not look up an address next to it before.
    ///
    /// Not inlined, so that the others have no registers to save.
    #[inline(never)]
    fn lookup_span(&self, address: u64) -> Option<u64> {
        let since = self.hint.now();
        let page = address >> self.shift;
        let found = self.find(page)?;
        let (start, entry) = found.entry?;
        let first = before(page, found.order, found.place - start);
        let span = Span {
            first: first << self.shift,
            extent: (words::pages(found.order, entry.places()) << self.shift).wrapping_sub(1),
            phys: entry.phys(),
        };
        // For DMA, mappings are looked up by their beginning, and once.
        if page != first {
            self.hint.keep(since, &span);
        }
        span.translate(address)
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
    pub(crate) fn range(&self, page: u64, behind: u64) -> Option<IovaRange> {
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

/// Returns the marks of the first word of a mapping.
fn first(sent: bool) -> u64 {
    if sent {
        Entry::FIRST | Entry::SENT
    } else {
        Entry::FIRST
    }
}
