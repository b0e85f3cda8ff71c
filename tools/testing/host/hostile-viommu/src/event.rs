// SPDX-License-Identifier: GPL-2.0

//! Events that nobody asked for.

use crate::{
    lie::{Id, Used},
    wire::{fault, EVENT_LEN}, //
};

/// Events that a driver has to live with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventLie {
    /// Thousands of faults of endpoints that do not exist, as fast as the driver returns buffers.
    Flood,
    /// An event of 7 bytes.
    Short,
    /// An event of no bytes.
    Empty,
    /// A used length that is more than the buffer has room for.
    Long,
    /// A fault with its reserved byte set.
    Reserved,
    /// A fault for an undefined reason, of an endpoint that does not exist.
    Undefined,
    /// The used ring names a descriptor that no ring of this size has.
    IdOutOfRing,
}

/// One event as it is put into the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) bytes: Vec<u8>,
    pub(crate) used: Used,
}

impl EventLie {
    /// The words for them in the names of cases.
    pub(crate) const NAMES: [(&'static str, Self); 7] = [
        ("flood", Self::Flood),
        ("short", Self::Short),
        ("empty", Self::Empty),
        ("long", Self::Long),
        ("reserved", Self::Reserved),
        ("undefined", Self::Undefined),
        ("id-out-of-ring", Self::IdOutOfRing),
    ];

    /// How many events there are.
    pub(crate) const fn count(self) -> u32 {
        match self {
            Self::Flood => 3000,
            _ => 1,
        }
    }

    /// The event of that number.
    pub(crate) fn event(self, number: u32) -> Event {
        const LENGTH: u32 = EVENT_LEN as u32;
        let nobody = 0xdead_0000 | (number & 0xffff);
        let sound = fault(2, 0, nobody, u64::from(number) << 12);
        let (bytes, length, id) = match self {
            Self::Flood => (sound, LENGTH, Id::Own),
            Self::Short => (sound, 7, Id::Own),
            Self::Empty => (Vec::new(), 0, Id::Own),
            Self::Long => (sound, LENGTH + 100, Id::Own),
            Self::Reserved => (fault(2, 0xff, nobody, 0), LENGTH, Id::Own),
            Self::Undefined => (fault(0xee, 0, nobody, u64::MAX), LENGTH, Id::Own),
            Self::IdOutOfRing => (sound, LENGTH, Id::OutOfRing),
        };
        let used = Used { id, length };
        Event { bytes, used }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_fit_their_buffers() {
        for (name, lie) in EventLie::NAMES {
            assert!(lie.count() > 0);
            assert!(lie.event(1).bytes.len() <= EVENT_LEN, "{name}");
        }
    }

    #[test]
    fn a_flood_is_more_than_any_ring() {
        assert!(EventLie::Flood.count() > 2 * 1024);
        assert_ne!(EventLie::Flood.event(1), EventLie::Flood.event(2));
    }
}
