// SPDX-License-Identifier: GPL-2.0

//! Bookkeeping of the buffer slots of a virtqueue.
//!
//! This file needs nothing but [`core`], so it can be compiled and tested on the host as well. It
//! knows which slot is free, which one the device has, and which one the device gave back; the
//! memory behind the slots is somebody else's.

use core::ops::DerefMut;

/// The number of a slot.
///
/// It stays the same from the submission to the completion, so that a driver can keep what it
/// knows about a request in an array indexed by [`Slot::index`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(u16);

impl Slot {
    /// Returns the number of the slot, which is smaller than the capacity of its queue.
    #[inline]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Returns the token that stands for the slot in a virtqueue.
    ///
    /// It is never zero, since a virtqueue takes a null token for the absence of a buffer.
    #[inline]
    pub fn token(self) -> usize {
        self.index() + 1
    }

    fn from_index(index: usize) -> Option<Self> {
        u16::try_from(index).ok().map(Self)
    }
}

/// What is known about one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Nobody uses the slot; the next one in the list of free slots, if any.
    Free(Option<Slot>),
    /// The device may read and write the buffer of the slot.
    InFlight,
    /// The device gave the buffer back and the driver has not taken the result yet.
    Returned,
}

/// A token that stands for no slot that is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadToken;

/// The slots of one virtqueue.
///
/// `S` holds the entries, so that the caller decides how they are allocated.
///
/// # Invariants
///
/// - The entries that are reachable from `first_free` are exactly those that are [`Entry::Free`].
/// - `free` is their number and `in_flight` that of the entries that are [`Entry::InFlight`].
pub struct Slots<S: DerefMut<Target = [Entry]>> {
    entries: S,
    first_free: Option<Slot>,
    free: usize,
    in_flight: usize,
}

impl<S: DerefMut<Target = [Entry]>> Slots<S> {
    /// The largest number of slots; a split virtqueue has at most this many descriptors.
    pub const MAX: usize = 1 << 15;

    /// Makes all slots out of `entries`, whatever these say, and all of them free.
    ///
    /// Entries beyond [`Self::MAX`] are never used.
    pub fn new(entries: S) -> Self {
        let mut slots = Self {
            entries,
            first_free: None,
            free: 0,
            in_flight: 0,
        };
        slots.reset();
        slots
    }

    /// Makes all slots free, wherever they were.
    pub fn reset(&mut self) {
        // INVARIANT: The list is built anew from its end, over all entries that have a number.
        let mut next = None;
        let mut free = 0;
        for (index, entry) in self.entries.iter_mut().enumerate().rev() {
            // An entry without a number is in no list, and nothing that it said counts.
            *entry = Entry::Free(next);
            if index < Self::MAX {
                next = Slot::from_index(index);
                free += 1;
            }
        }
        self.first_free = next;
        self.free = free;
        self.in_flight = 0;
    }

    /// Returns the number of slots.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.entries.len().min(Self::MAX)
    }

    /// Returns the number of free slots.
    #[inline]
    pub fn free(&self) -> usize {
        self.free
    }

    /// Returns the number of slots that the device has.
    #[inline]
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Takes a free slot, which counts as in flight from now on.
    #[inline]
    pub fn acquire(&mut self) -> Option<Slot> {
        let slot = self.first_free?;
        let entry = self.entries.get_mut(slot.index())?;
        let Entry::Free(next) = *entry else {
            return None;
        };

        // INVARIANT: The entry leaves the list at its head and is in flight.
        *entry = Entry::InFlight;
        self.first_free = next;
        self.free -= 1;
        self.in_flight += 1;
        Some(slot)
    }

    /// Makes a slot free again whose submission failed.
    ///
    /// Returns whether the slot was in flight.
    pub fn retract(&mut self, slot: Slot) -> bool {
        self.make_free(slot, Entry::InFlight)
    }

    /// Takes a slot back from the device.
    ///
    /// `token` is what the virtqueue returned. Anything that is not the token of a slot in flight
    /// is refused and changes nothing.
    #[inline]
    pub fn complete(&mut self, token: usize) -> Result<Slot, BadToken> {
        let index = token.checked_sub(1).ok_or(BadToken)?;
        let slot = Slot::from_index(index).ok_or(BadToken)?;

        match self.entries.get_mut(index) {
            Some(entry) if *entry == Entry::InFlight => {
                // INVARIANT: The entry was not in the list and still is not.
                *entry = Entry::Returned;
                self.in_flight -= 1;
                Ok(slot)
            }
            _ => Err(BadToken),
        }
    }

    /// Makes a slot free whose result the driver has taken.
    ///
    /// Returns whether the slot was waiting for that.
    #[inline]
    pub fn release(&mut self, slot: Slot) -> bool {
        self.make_free(slot, Entry::Returned)
    }

    #[inline]
    fn make_free(&mut self, slot: Slot, from: Entry) -> bool {
        match self.entries.get_mut(slot.index()) {
            Some(entry) if *entry == from => {
                // INVARIANT: The entry becomes the head of the list.
                *entry = Entry::Free(self.first_free);
                self.first_free = Some(slot);
                self.free += 1;
                if from == Entry::InFlight {
                    self.in_flight -= 1;
                }
                true
            }
            _ => false,
        }
    }
}
