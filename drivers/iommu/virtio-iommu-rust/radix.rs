// SPDX-License-Identifier: GPL-2.0

//! A sparse table for pages, which is read without a lock.
//!
//! It is a tree. Each node has words and, but on the last level, ways further down: a place in a
//! node is for all pages that the way there leads to. So one word can be for many pages, whether or
//! not there was need before to tell them apart. What the words say is not known here.
//!
//! Nodes are made by [`Radix::reserve`] and stay until the whole table goes, so that to change a
//! word takes no memory.

use kernel::{
    alloc::Flags,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed,
            Release, //
        },
        new_spinlock_irq,
        SetOnce,
        SpinLockIrq, //
    }, //
};

use kernel::prelude::*;

use crate::words::{
    self,
    index,
    BITS,
    PLACES, //
};

/// How many levels the tree of the low page numbers has: with pages of 4 KiB, 64 GiB.
const LOW_LEVELS: u32 = 4;

/// A number, 0 at first.
#[repr(transparent)]
pub(crate) struct Word(Atomic<u64>);

impl words::Word for Word {
    fn zero() -> Self {
        Self(Atomic::new(0))
    }

    #[inline]
    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    #[inline]
    fn set(&self, value: u64) {
        self.0.store(value, Relaxed)
    }

    #[inline]
    fn observe(&self) -> u64 {
        self.0.load(Acquire)
    }

    #[inline]
    fn publish(&self, value: u64) {
        self.0.store(value, Release)
    }

    fn replace(&self, old: u64, new: u64) -> bool {
        self.0.cmpxchg(old, new, Full).is_ok()
    }
}

/// The ways down from a node.
type Below = [SetOnce<Node>; PLACES];

/// A node of the tree.
///
/// With what is looked at on every way down next to each other, and two parts as large as the
/// allocator has them.
pub(crate) struct Node {
    starts: Word,
    words: KBox<[Word; PLACES]>,
    /// [`None`] on the last level.
    below: Option<KBox<Below>>,
}

impl Node {
    /// Makes an empty node of `order`.
    fn new(order: u32, flags: Flags) -> Result<Self> {
        let words = pin_init::init_array_from_fn(|_| <Word as words::Word>::zero());
        let below = pin_init::init_array_from_fn(|_| SetOnce::new());
        Ok(Self {
            starts: <Word as words::Word>::zero(),
            words: KBox::init(words, flags)?,
            below: (order > 0).then(|| KBox::init(below, flags)).transpose()?,
        })
    }

    /// Returns the way down from a place.
    #[inline]
    fn way(&self, place: usize) -> Option<&SetOnce<Node>> {
        self.below.as_ref()?.get(place)
    }
}

/// One tree.
struct Tree {
    /// The order of the topmost node, at least [`BITS`].
    order: u32,
    /// The last page of the tree.
    last: u64,
    top: Node,
}

impl Tree {
    /// Makes a tree of two or more levels.
    fn new(levels: u32) -> Result<Self> {
        let order = levels.saturating_sub(1).max(1) * BITS;
        Ok(Self {
            order,
            last: u64::MAX
                .checked_shl(order + BITS)
                .map_or(u64::MAX, |rest| !rest),
            top: Node::new(order, GFP_KERNEL)?,
        })
    }

    /// Whether `page` is one of the tree's.
    #[inline]
    fn covers(&self, page: u64) -> bool {
        page <= self.last
    }
}

/// The table.
pub(crate) struct Radix {
    /// Most addresses in use are low, and this is a short way to them.
    low: Tree,
    /// All others, if there are any.
    high: Option<Tree>,
    /// Held while a node gets its place.
    growing: Pin<KBox<SpinLockIrq<()>>>,
}

impl Radix {
    /// Creates a table for the pages up to number `last`.
    pub(crate) fn new(last: u64) -> Result<Self> {
        let levels = (u64::BITS - last.leading_zeros()).div_ceil(BITS);
        let growing = new_spinlock_irq!((), "virtio_iommu_growing");
        Ok(Self {
            low: Tree::new(LOW_LEVELS)?,
            high: (levels > LOW_LEVELS)
                .then(|| Tree::new(levels))
                .transpose()?,
            growing: KBox::pin_init(growing, GFP_KERNEL)?,
        })
    }

    #[inline]
    fn tree(&self, page: u64) -> Option<&Tree> {
        if self.low.covers(page) {
            Some(&self.low)
        } else {
            self.high.as_ref().filter(|tree| tree.covers(page))
        }
    }

    /// Makes sure that there is a node of `order` for `page`.
    ///
    /// Fails with [`EINVAL`] if the page number or the order is too large for the table, and with
    /// [`ENOMEM`].
    pub(crate) fn reserve(&self, page: u64, order: u32, flags: Flags) -> Result {
        let tree = self.tree(page).ok_or(EINVAL)?;
        let mut node = &tree.top;
        let mut here = tree.order;
        while here > order {
            let way = node.way(index(page, here)).ok_or(EINVAL)?;
            here -= BITS;
            node = match way.as_ref() {
                Some(next) => next,
                None => self.grow(way, Node::new(here, flags)?)?,
            };
        }
        Ok(())
    }

    /// Puts `node` in its place, unless somebody was faster, and returns what is there.
    #[cold]
    fn grow<'a>(&self, way: &'a SetOnce<Node>, node: Node) -> Result<&'a Node> {
        // Without the lock this might find a place that somebody is about to fill.
        let growing = self.growing.lock();
        let unused = match way.as_ref() {
            None => {
                way.populate(node);
                None
            }
            Some(_) => Some(node),
        };
        drop(growing);
        drop(unused);
        way.as_ref().ok_or(EINVAL)
    }
}

impl words::Table for Radix {
    type Word = Word;
    type At<'a> = &'a Node;

    #[inline]
    fn top(&self, page: u64) -> Option<(&Node, u32)> {
        let tree = self.tree(page)?;
        Some((&tree.top, tree.order))
    }

    #[inline]
    fn node<'a>(&'a self, at: &'a Node) -> words::Node<'a, Word> {
        words::Node {
            starts: &at.starts,
            words: &at.words,
        }
    }

    #[inline]
    fn below<'a>(&'a self, at: &'a Node, place: usize) -> Option<&'a Node> {
        at.way(place)?.as_ref()
    }
}
