// SPDX-License-Identifier: GPL-2.0

//! What became of each request: who waits for it, and which failures nobody has heard of yet.
//!
//! The device answers requests in any order and whoever looks at the queue first sees the answers
//! of everybody. The ledger keeps each answer for the caller that it belongs to, without memory of
//! its own: the storage is given once and its size is the bound on all that can be outstanding.

use core::ops::DerefMut;

use super::{
    proto::{
        DomainId,
        Failure, //
    },
    range::IovaRange, //
};

/// Who is to hear how a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The one caller that holds the [`Ticket`].
    Awaited,
    /// Whoever asks for the MAP failures of this range.
    Map {
        /// The domain that is mapped into.
        domain: DomainId,
        /// What is mapped.
        iova: IovaRange,
    },
    /// Whoever asks for the UNMAP failures of this range.
    Unmap {
        /// The domain that is unmapped from.
        domain: DomainId,
        /// What is unmapped.
        iova: IovaRange,
    },
}

impl Purpose {
    /// Whether it is [`Self::Map`].
    fn is_map(&self) -> bool {
        matches!(self, Self::Map { .. })
    }

    /// Whether `self` is of the kind and domain of `other` and shares an address with it.
    fn meets(&self, other: &Purpose) -> bool {
        match (self, other) {
            (
                Purpose::Map { domain, iova },
                Purpose::Map {
                    domain: other_domain,
                    iova: other_iova,
                },
            )
            | (
                Purpose::Unmap { domain, iova },
                Purpose::Unmap {
                    domain: other_domain,
                    iova: other_iova,
                },
            ) => domain == other_domain && iova.overlaps(*other_iova),
            _ => false,
        }
    }
}

/// Proof of having submitted one request; no two are alike, and later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// A request that the device has not answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pending {
    ticket: Ticket,
    purpose: Purpose,
    /// Whether it failed before.
    again: bool,
}

/// A request whose end its caller has not asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    ticket: Ticket,
    purpose: Purpose,
    again: bool,
    result: Result<(), Failure>,
}

/// An UNMAP request that has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FailedUnmap {
    /// Which one it is.
    pub(crate) ticket: Ticket,
    /// What is still mapped.
    pub(crate) iova: IovaRange,
    /// Why.
    pub(crate) failure: Failure,
    /// Whether it was tried once more already.
    pub(crate) again: bool,
}

/// Returned for an answer to a request that was never made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnknownSlot;

/// The outstanding requests of one queue.
///
/// # Invariants
///
/// - `in_flight` is the number of entries of `pending` that are `Some`, and `maps` that of those
///   whose purpose is [`Purpose::Map`].
/// - The first `unheard` entries of `ended` are `Some`, all others are `None`.
/// - `in_flight + unheard <= ended.len()`: there is room for the end of every pending request.
pub(crate) struct Ledger<P, E> {
    pending: P,
    ended: E,
    in_flight: usize,
    maps: usize,
    unheard: usize,
    next: u64,
}

impl<P, E> Ledger<P, E>
where
    P: DerefMut<Target = [Option<Pending>]>,
    E: DerefMut<Target = [Option<Ended>]>,
{
    /// Creates a ledger in the storage given: `pending` has a place for each slot of the queue, and
    /// `ended` for all those and for as many failures as may wait to be asked for.
    pub(crate) fn new(mut pending: P, mut ended: E) -> Self {
        pending.fill(None);
        ended.fill(None);
        // INVARIANT: Both are empty, and so all counts are 0.
        Self {
            pending,
            ended,
            in_flight: 0,
            maps: 0,
            unheard: 0,
            next: 0,
        }
    }

    /// Whether [`Self::open`] can succeed for a free slot.
    pub(crate) fn has_room(&self) -> bool {
        self.in_flight + self.unheard < self.ended.len()
    }

    /// Returns the number of requests that the device has not answered.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Records that the request in `slot` was given to the device.
    ///
    /// Returns `None`, and records nothing, if there is no room, no such slot, or if the slot is
    /// in use.
    pub(crate) fn open(&mut self, slot: usize, purpose: Purpose) -> Option<Ticket> {
        if !self.has_room() {
            return None;
        }
        let entry = self.pending.get_mut(slot)?;
        if entry.is_some() {
            return None;
        }
        let ticket = Ticket(self.next);
        // INVARIANT: One more entry is `Some`, and `has_room()` left a place for its end.
        *entry = Some(Pending {
            ticket,
            purpose,
            again: false,
        });
        self.in_flight += 1;
        self.maps += usize::from(purpose.is_map());
        self.next = self.next.wrapping_add(1);
        Some(ticket)
    }

    /// Records the answer to the request in `slot`.
    pub(crate) fn close(
        &mut self,
        slot: usize,
        result: Result<(), Failure>,
    ) -> Result<(), UnknownSlot> {
        let Pending {
            ticket,
            purpose,
            again,
        } = self
            .pending
            .get_mut(slot)
            .and_then(Option::take)
            .ok_or(UnknownSlot)?;
        // INVARIANT: One entry less is `Some`.
        self.in_flight -= 1;
        self.maps -= usize::from(purpose.is_map());

        // Nobody asks for the success of a mapping: silence is success.
        if result.is_ok() && purpose != Purpose::Awaited {
            return Ok(());
        }
        if let Some(place) = self.ended.get_mut(self.unheard) {
            // INVARIANT: `in_flight` went down by one, so the sum is what it was.
            *place = Some(Ended {
                ticket,
                purpose,
                again,
                result,
            });
            self.unheard += 1;
        }
        Ok(())
    }

    /// Ends all requests that the device has not answered, since it never will.
    ///
    /// Those that somebody waits for have failed. With the others nothing is wrong: what they asked
    /// for is asked for again when the device is back. What it failed to unmap, it has forgotten.
    pub(crate) fn abandon(&mut self, failure: Failure) {
        let unmap = |ended: &Ended| matches!(ended.purpose, Purpose::Unmap { .. });
        while self.take(unmap).is_some() {}
        for slot in 0..self.pending.len() {
            let awaited = matches!(
                self.pending.get(slot),
                Some(Some(pending)) if pending.purpose == Purpose::Awaited
            );
            // A slot that is not in use has nothing to end.
            let _ = self.close(slot, if awaited { Err(failure) } else { Ok(()) });
        }
    }

    /// Takes the answer to the request of `ticket`, if it is there.
    pub(crate) fn answer(&mut self, ticket: Ticket) -> Option<Result<(), Failure>> {
        self.take(|ended| ended.purpose == Purpose::Awaited && ended.ticket == ticket)
            .map(|ended| ended.result)
    }

    /// Returns the ticket that the next request will get: all requests so far have earlier ones.
    pub(crate) fn next(&self) -> Ticket {
        Ticket(self.next)
    }

    /// Returns the earliest unanswered request that `purpose` meets.
    pub(crate) fn earliest(&self, purpose: Purpose) -> Option<Ticket> {
        let alike = if purpose.is_map() {
            self.maps
        } else {
            self.in_flight
        };
        if alike == 0 {
            return None;
        }
        // A queue hands out the slot first that came back last, so those in use are at the front:
        // behind the last of them there is nothing to look for.
        self.pending
            .iter()
            .flatten()
            .take(self.in_flight)
            .filter(|pending| pending.purpose.meets(&purpose))
            .map(|pending| pending.ticket)
            .min()
    }

    /// Takes one failure of a request that `purpose` meets: what failed, and how.
    #[inline]
    pub(crate) fn failure(&mut self, purpose: Purpose) -> Option<(IovaRange, Failure)> {
        if self.unheard == 0 {
            return None;
        }
        let ended = self.take(|ended| ended.purpose.meets(&purpose))?;
        match (ended.purpose, ended.result) {
            (Purpose::Map { iova, .. } | Purpose::Unmap { iova, .. }, Err(failure)) => {
                Some((iova, failure))
            }
            _ => None,
        }
    }

    /// Returns an UNMAP request that `purpose` meets, that is earlier than `end`, if there is an
    /// end, and that has failed. It stays where it is.
    pub(crate) fn failed_unmap(
        &self,
        purpose: Purpose,
        end: Option<Ticket>,
    ) -> Option<FailedUnmap> {
        let heard = self.ended.get(..self.unheard)?;
        heard.iter().flatten().find_map(|ended| {
            let early = end.is_none_or(|end| ended.ticket < end);
            match (ended.purpose, ended.result) {
                (Purpose::Unmap { iova, .. }, Err(failure))
                    if early && ended.purpose.meets(&purpose) =>
                {
                    Some(FailedUnmap {
                        ticket: ended.ticket,
                        iova,
                        failure,
                        again: ended.again,
                    })
                }
                _ => None,
            }
        })
    }

    /// Records that a request that had failed was given to the device again, in `slot`.
    ///
    /// It keeps its ticket, so that whoever waits for it goes on to do so. Returns whether there is
    /// such a slot that is free, and such a request.
    pub(crate) fn reopen(&mut self, slot: usize, ticket: Ticket) -> bool {
        if !matches!(self.pending.get(slot), Some(None)) {
            return false;
        }
        let Some(Ended { purpose, .. }) = self.take(|ended| ended.ticket == ticket) else {
            return false;
        };
        if let Some(entry) = self.pending.get_mut(slot) {
            // INVARIANT: One more entry is `Some`; `unheard` went down by one, so the sum is what
            // it was.
            *entry = Some(Pending {
                ticket,
                purpose,
                again: true,
            });
            self.in_flight += 1;
            self.maps += usize::from(purpose.is_map());
        }
        true
    }

    /// Drops one request that has ended.
    pub(crate) fn drop_ended(&mut self, ticket: Ticket) {
        // It may have been somebody else who did.
        let _ = self.take(|ended| ended.ticket == ticket);
    }

    /// Drops all failures of requests that `purpose` meets.
    pub(crate) fn forget(&mut self, purpose: Purpose) {
        while self.failure(purpose).is_some() {}
    }

    /// Removes and returns the first ended request that `wanted` accepts.
    fn take(&mut self, wanted: impl Fn(&Ended) -> bool) -> Option<Ended> {
        let heard = self.ended.get(..self.unheard)?;
        let index = heard
            .iter()
            .position(|ended| ended.as_ref().is_some_and(&wanted))?;
        let last = self.unheard - 1;
        self.ended.swap(index, last);
        // INVARIANT: The entry that leaves is now the last of those that are `Some`.
        let ended = self.ended.get_mut(last)?.take();
        self.unheard = last;
        ended
    }
}
