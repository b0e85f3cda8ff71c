// SPDX-License-Identifier: GPL-2.0

//! A sparse table with a word for each page, which is read without a lock.
//!
//! It is a tree. Each node has words and, but on the last level, ways further down: a word stands
//! for all pages that the way beside it leads to. So a few words are enough for many pages, whether
//! or not there was need before to tell them apart. What the words say is not known here.
//!
//! Nodes are made by [`Radix::reserve`] and stay until the whole table goes, so that to change a
//! word takes no memory.

use kernel::{
    alloc::Flags,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        new_spinlock_irq,
        SetOnce,
        SpinLockIrq, //
    }, //
};

use kernel::prelude::*;

use crate::shadow::{
    self,
    BITS,
    WORDS, //
};

/// How many levels the tree of the low page numbers has: with pages of 4 KiB, 64 GiB.
const LOW_LEVELS: u32 = 4;

/// What is known about some pages, 0 at first.
#[repr(transparent)]
pub(crate) struct Word(Atomic<u64>);

impl Word {
    fn new() -> Self {
        Self(Atomic::new(0))
    }
}

impl shadow::Word for Word {
    #[inline]
    fn get(&self) -> u64 {
        // Nothing else is found through a word.
        self.0.load(Relaxed)
    }

    #[inline]
    fn set(&self, value: u64) {
        self.0.store(value, Relaxed)
    }
}

/// A node of the last level.
struct Leaf {
    words: [Word; WORDS],
}

/// A node of another level.
struct Inner {
    words: [Word; WORDS],
    below: [SetOnce<Node>; WORDS],
}

/// A node.
enum Node {
    Leaf(KBox<Leaf>),
    Inner(KBox<Inner>),
}

impl Node {
    /// Makes an empty node, `level` levels above the last.
    fn new(level: u32, flags: Flags) -> Result<Self> {
        let words = || pin_init::init_array_from_fn(|_| Word::new());
        if level == 0 {
            let leaf = init!(Leaf { words <- words() });
            Ok(Self::Leaf(KBox::init(leaf, flags)?))
        } else {
            let inner = init!(Inner {
                words <- words(),
                below <- pin_init::init_array_from_fn(|_| SetOnce::new()),
            });
            Ok(Self::Inner(KBox::init(inner, flags)?))
        }
    }

    #[inline]
    fn words(&self) -> &[Word] {
        match self {
            Self::Leaf(leaf) => &leaf.words,
            Self::Inner(inner) => &inner.words,
        }
    }

    /// The way down at `index`; [`None`] on the last level.
    #[inline]
    fn way(&self, index: usize) -> Option<&SetOnce<Node>> {
        match self {
            Self::Leaf(_) => None,
            Self::Inner(inner) => inner.below.get(index),
        }
    }
}

/// Returns the place of `page` in a node, `level` levels above the last.
#[inline]
const fn index(page: u64, level: u32) -> usize {
    // CAST: It is less than `WORDS`.
    ((page >> (level * BITS)) % WORDS as u64) as usize
}

/// One tree.
struct Tree {
    levels: u32,
    top: Node,
}

impl Tree {
    fn new(levels: u32) -> Result<Self> {
        let top = Node::new(levels.saturating_sub(1), GFP_KERNEL)?;
        Ok(Self { levels, top })
    }

    /// The level of the top.
    #[inline]
    fn highest(&self) -> u32 {
        self.levels.saturating_sub(1)
    }

    /// Whether `page` is one of the tree's.
    #[inline]
    fn covers(&self, page: u64) -> bool {
        page.checked_shr(self.levels * BITS).unwrap_or(0) == 0
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

    /// Makes sure that `page` has a word for two to the power of `order` pages, or the next smaller
    /// power that words are for.
    ///
    /// Fails with [`EINVAL`] if the page number is too large for the table, and with [`ENOMEM`].
    pub(crate) fn reserve(&self, page: u64, order: u32, flags: Flags) -> Result {
        let tree = self.tree(page).ok_or(EINVAL)?;
        let mut level = tree.highest();
        let mut node = &tree.top;
        while level * BITS > order {
            let way = node.way(index(page, level)).ok_or(EINVAL)?;
            level -= 1;
            node = match way.as_ref() {
                Some(node) => node,
                None => self.grow(way, Node::new(level, flags)?)?,
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

impl shadow::Table for Radix {
    type Word = Word;

    #[inline]
    fn highest(&self, page: u64) -> u32 {
        self.tree(page).map_or(0, |tree| tree.highest() * BITS)
    }

    #[inline]
    fn words(&self, page: u64, order: u32) -> &[Word] {
        let Some(tree) = self.tree(page) else {
            return &[];
        };
        let mut level = tree.highest();
        let mut node = &tree.top;
        while level * BITS > order {
            let way = node.way(index(page, level));
            match way.and_then(SetOnce::as_ref) {
                Some(next) => node = next,
                None => return &[],
            }
            level -= 1;
        }
        node.words().get(index(page, level)..).unwrap_or_default()
    }

    #[inline]
    fn find(&self, page: u64) -> Option<(&[Word], u32)> {
        let tree = self.tree(page)?;
        let mut level = tree.highest();
        let mut node = &tree.top;
        loop {
            let index = index(page, level);
            let words = node.words().get(index..)?;
            if level == 0 {
                return Some((words, 0));
            }
            let word = words.first()?;
            let next = if shadow::Word::get(word) == 0 {
                node.way(index).and_then(SetOnce::as_ref)
            } else {
                None
            };
            match next {
                Some(next) => node = next,
                None => return Some((core::slice::from_ref(word), level * BITS)),
            }
            level -= 1;
        }
    }
}
