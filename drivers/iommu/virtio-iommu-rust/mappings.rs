// SPDX-License-Identifier: GPL-2.0

//! What a domain maps, kept so that addresses can be looked up and mappings be made anew.
//!
//! The device forgets a domain when its last endpoint leaves. Each mapping therefore remembers for
//! which stay of the domain on the device it was sent.

use kernel::{
    alloc::Flags,
    rbtree::{
        RBTree,
        RBTreeNodeReservation, //
    }, //
};

use kernel::prelude::*;

use crate::{
    proto::MapFlags,
    range::IovaRange, //
};

/// One stay of a domain on the device, from its first endpoint to its last.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stay(u64);

/// A mapping as one MAP request makes it.
#[derive(Clone, Copy)]
pub(crate) struct Mapping {
    /// The I/O virtual addresses.
    pub(crate) iova: IovaRange,
    /// What the first of them is mapped to.
    pub(crate) phys: u64,
    /// The accesses allowed.
    pub(crate) flags: MapFlags,
}

/// A mapping and the stay that it was sent for.
struct Entry {
    mapping: Mapping,
    sent: Option<Stay>,
}

/// Memory for one mapping, to be had before a lock is taken.
pub(crate) struct Reservation(RBTreeNodeReservation<u64, Entry>);

impl Reservation {
    /// Allocates the memory.
    pub(crate) fn new(flags: Flags) -> Result<Self> {
        RBTreeNodeReservation::new(flags).map(Self)
    }
}

/// What [`Mappings::remove`] took out.
pub(crate) struct Removed {
    /// The addresses, without a hole.
    pub(crate) iova: IovaRange,
    /// Whether the device may know any of them.
    pub(crate) on_device: bool,
}

/// The mappings of one domain.
///
/// # Invariants
///
/// - No two mappings share an address.
/// - Each key of `tree` is the last address of its mapping, so that the order of the keys is the
///   order of the mappings.
/// - `stay` is `Some` exactly while `endpoints` is not 0.
pub(crate) struct Mappings {
    tree: RBTree<u64, Entry>,
    endpoints: usize,
    stay: Option<Stay>,
    next_stay: u64,
}

impl Mappings {
    /// Creates the mappings of a domain that is not on the device.
    pub(crate) fn new() -> Self {
        // INVARIANT: There is no mapping and no endpoint.
        Self {
            tree: RBTree::new(),
            endpoints: 0,
            stay: None,
            next_stay: 0,
        }
    }

    /// Counts one more endpoint.
    pub(crate) fn join(&mut self) {
        // INVARIANT: There is an endpoint now, and a stay.
        self.endpoints += 1;
        if self.stay.is_none() {
            self.stay = Some(Stay(self.next_stay));
            self.next_stay = self.next_stay.wrapping_add(1);
        }
    }

    /// Counts one endpoint less; with the last one the device forgets the mappings.
    pub(crate) fn leave(&mut self) {
        self.endpoints = self.endpoints.saturating_sub(1);
        // INVARIANT: The stay ends with the last endpoint.
        if self.endpoints == 0 {
            self.stay = None;
        }
    }

    /// Returns the stay, if the domain is on the device.
    pub(crate) fn stay(&self) -> Option<Stay> {
        self.stay
    }

    /// Returns the first mapping whose last address is `address` or more.
    fn from(&self, address: u64) -> Option<Mapping> {
        let cursor = self.tree.cursor_lower_bound(&address)?;
        Some(cursor.current().1.mapping)
    }

    /// Whether an address of `iova` is mapped.
    pub(crate) fn overlaps(&self, iova: IovaRange) -> bool {
        self.from(iova.start())
            .is_some_and(|mapping| mapping.iova.overlaps(iova))
    }

    /// Adds a mapping that was sent for `sent`. The caller has seen that nothing overlaps it.
    pub(crate) fn insert(&mut self, memory: Reservation, mapping: Mapping, sent: Option<Stay>) {
        // INVARIANT: The key is the last address.
        let node = memory
            .0
            .into_node(mapping.iova.last(), Entry { mapping, sent });
        self.tree.insert(node);
    }

    /// Returns what `address` is mapped to.
    pub(crate) fn lookup(&self, address: u64) -> Option<u64> {
        let mapping = self.from(address)?;
        let offset = address.checked_sub(mapping.iova.start())?;
        mapping.phys.checked_add(offset)
    }

    /// Takes out the mappings that begin in `iova`, up to the first hole.
    ///
    /// A mapping is taken out whole, so more than `iova` may go: the device cannot split one
    /// either. Nothing is taken out if the first address is not the beginning of a mapping.
    pub(crate) fn remove(&mut self, iova: IovaRange) -> Option<Removed> {
        let mut cursor = self.tree.cursor_lower_bound_mut(&iova.start());
        let mut removed: Option<Removed> = None;
        while let Some(here) = cursor {
            let (_, entry) = here.current();
            let range = entry.mapping.iova;
            let follows = match &removed {
                None => range.start() == iova.start(),
                Some(removed) => removed.iova.adjoins(range) && iova.contains(range.start()),
            };
            if !follows {
                break;
            }
            let start = removed.as_ref().map_or(range, |r| r.iova).start();
            let known = entry.sent.is_some() && entry.sent == self.stay;
            let on_device = known || removed.as_ref().is_some_and(|r| r.on_device);
            if let Some(iova) = IovaRange::new(start, range.last()) {
                removed = Some(Removed { iova, on_device });
            }
            cursor = here.remove_current().0;
        }
        removed
    }

    /// Offers each mapping that the present stay lacks to `send`, from `address` on.
    ///
    /// Stops when `send` says that there is no room, and returns the address to go on from; `None`
    /// if all were sent.
    pub(crate) fn send_missing(
        &mut self,
        address: u64,
        mut send: impl FnMut(&Mapping) -> Result<bool>,
    ) -> Result<Option<u64>> {
        let stay = self.stay;
        let mut cursor = self.tree.cursor_lower_bound_mut(&address);
        while let Some(mut here) = cursor {
            let (last, entry) = here.current_mut();
            if entry.sent != stay {
                if !send(&entry.mapping)? {
                    return Ok(Some(*last));
                }
                entry.sent = stay;
            }
            cursor = here.move_next();
        }
        Ok(None)
    }
}
