// SPDX-License-Identifier: GPL-2.0

//! Wrong answers to requests.

use std::time::Duration;

use crate::wire::{Status, TAIL_LEN};

/// How late a late answer comes.
const DELAY: Duration = Duration::from_millis(300);

/// A way to answer wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// All is done and written, and the used length is 0.
    LengthZero,
    /// The used length is a byte less than it should be.
    LengthShort,
    /// The used length is a byte more than there is room for.
    LengthLong,
    /// The used length is 2^32 - 1.
    LengthHuge,
    /// The status is none that is defined.
    StatusUndefined,
    /// The device says that it failed.
    StatusDeviceError,
    /// The device says that it has no memory left.
    StatusNoMemory,
    /// The device says that it does not know the request.
    StatusUnsupported,
    /// The device says that it does not know the endpoint or the domain.
    StatusNoEntry,
    /// The used length is right, but nothing was written.
    TailUnwritten,
    /// The reserved bytes of the tail are set.
    TailReserved,
    /// The used ring names a descriptor that no ring of this size has.
    IdOutOfRing,
    /// The used ring names a descriptor in the middle of a chain.
    IdNoHead,
    /// The used ring has the request twice.
    IdRepeated,
    /// The requests that are there are answered last one first.
    Reversed,
    /// The index of the used ring jumps by more than the ring holds.
    IndexJump,
    /// There is no answer.
    Silent,
    /// The answer is right and takes its time.
    Late,
    /// The answer is right, and then the device forgets all, as if it had been reset.
    Forgets,
    /// The device says that its configuration has changed, and then answers rightly.
    ConfigNotice,
}

/// Which descriptor the used ring names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Id {
    /// That of the request.
    Own,
    /// One that the ring does not have.
    OutOfRing,
    /// The one after that of the request.
    NoHead,
}

/// An entry of the used ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) id: Id,
    pub(crate) length: u32,
}

/// What the device does about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// What is written, from the start of the writable part.
    pub(crate) bytes: Vec<u8>,
    /// What is put into the used ring.
    pub(crate) used: Vec<Used>,
    /// How long that takes.
    pub(crate) delay: Duration,
    /// How far the index of the used ring moves on without an entry.
    pub(crate) jump: u16,
    /// Whether later requests that are there already are answered first.
    pub(crate) reversed: bool,
    /// Whether the driver is told before that the configuration has changed.
    pub(crate) config_notice: bool,
}

impl Lie {
    /// The words for them in the names of cases.
    pub(crate) const NAMES: [(&'static str, Self); 20] = [
        ("length-zero", Self::LengthZero),
        ("length-short", Self::LengthShort),
        ("length-long", Self::LengthLong),
        ("length-huge", Self::LengthHuge),
        ("status-undefined", Self::StatusUndefined),
        ("status-device-error", Self::StatusDeviceError),
        ("status-no-memory", Self::StatusNoMemory),
        ("status-unsupported", Self::StatusUnsupported),
        ("status-no-entry", Self::StatusNoEntry),
        ("tail-unwritten", Self::TailUnwritten),
        ("tail-reserved", Self::TailReserved),
        ("id-out-of-ring", Self::IdOutOfRing),
        ("id-no-head", Self::IdNoHead),
        ("id-repeated", Self::IdRepeated),
        ("reversed", Self::Reversed),
        ("index-jump", Self::IndexJump),
        ("silent", Self::Silent),
        ("late", Self::Late),
        ("forgets", Self::Forgets),
        ("config-notice", Self::ConfigNotice),
    ];

    /// Whether the device still does what it is asked for.
    pub(crate) const fn performs(self) -> bool {
        matches!(
            self,
            Self::TailReserved
                | Self::IdRepeated
                | Self::Reversed
                | Self::Late
                | Self::Forgets
                | Self::ConfigNotice
        )
    }

    /// The status that it puts in place of the right one.
    const fn status(self) -> Option<u8> {
        match self {
            Self::StatusUndefined => Some(0x55),
            Self::StatusDeviceError => Some(Status::DeviceError.code()),
            Self::StatusNoMemory => Some(Status::NoMemory.code()),
            Self::StatusUnsupported => Some(Status::Unsupported.code()),
            Self::StatusNoEntry => Some(Status::NoEntry.code()),
            _ => None,
        }
    }
}

/// Answers a request whose writable part has `room` bytes and begins with `properties`.
pub(crate) fn answer(lie: Option<Lie>, status: Status, properties: &[u8], room: usize) -> Answer {
    let full = u32::try_from(room).unwrap_or(u32::MAX);
    let mut answer = honest(status, properties, room);
    let Some(lie) = lie else {
        return answer;
    };

    if let (Some(status), Some(place)) = (
        lie.status(),
        answer.bytes.get_mut(room.saturating_sub(TAIL_LEN)),
    ) {
        *place = status;
    }
    let own = |length| {
        vec![Used {
            id: Id::Own,
            length,
        }]
    };
    let named = |id| vec![Used { id, length: full }];
    match lie {
        Lie::LengthZero => answer.used = own(0),
        Lie::LengthShort => answer.used = own(full.saturating_sub(1)),
        Lie::LengthLong => answer.used = own(full.saturating_add(1)),
        Lie::LengthHuge => answer.used = own(u32::MAX),
        Lie::TailUnwritten => answer.bytes.clear(),
        Lie::TailReserved => {
            let reserved = room.saturating_sub(TAIL_LEN - 1);
            answer
                .bytes
                .iter_mut()
                .skip(reserved)
                .for_each(|b| *b = 0xa5);
        }
        Lie::IdOutOfRing => answer.used = named(Id::OutOfRing),
        Lie::IdNoHead => answer.used = named(Id::NoHead),
        Lie::IdRepeated => answer.used = own(full).repeat(2),
        Lie::Reversed => answer.reversed = true,
        Lie::IndexJump => answer.jump = 1000,
        Lie::Silent => answer.used.clear(),
        Lie::Late => answer.delay = DELAY,
        Lie::ConfigNotice => answer.config_notice = true,
        Lie::StatusUndefined
        | Lie::StatusDeviceError
        | Lie::StatusNoMemory
        | Lie::StatusUnsupported
        | Lie::StatusNoEntry
        | Lie::Forgets => {}
    }
    answer
}

fn honest(status: Status, properties: &[u8], room: usize) -> Answer {
    let mut bytes = properties.to_vec();
    bytes.resize(room.saturating_sub(TAIL_LEN), 0);
    bytes.extend([status.code(), 0, 0, 0]);
    bytes.truncate(room);
    Answer {
        bytes,
        used: vec![Used {
            id: Id::Own,
            length: u32::try_from(room).unwrap_or(u32::MAX),
        }],
        delay: Duration::ZERO,
        jump: 0,
        reversed: false,
        config_notice: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_honest_answer_is_status_and_length() {
        let answer = answer(None, Status::Range, &[9; 8], 12);
        assert_eq!(answer.bytes, [9, 9, 9, 9, 9, 9, 9, 9, 5, 0, 0, 0]);
        let [used] = answer.used[..] else {
            panic!("{:?}", answer.used)
        };
        assert_eq!((used.id, used.length), (Id::Own, 12));
    }

    #[test]
    fn every_lie_differs_from_the_truth() {
        let truth = answer(None, Status::Ok, &[], 4);
        // The lie of the device that forgets is in what it does next.
        for (name, lie) in Lie::NAMES.iter().filter(|(_, lie)| *lie != Lie::Forgets) {
            let lie = *lie;
            assert_ne!(answer(Some(lie), Status::Ok, &[], 4), truth, "{name}");
        }
    }

    #[test]
    fn nothing_is_written_beyond_the_buffer() {
        for (name, lie) in Lie::NAMES {
            for room in [0, 1, 3, 4, 516] {
                let answer = answer(Some(lie), Status::Ok, &[1; 600], room);
                assert!(answer.bytes.len() <= room, "{name}");
            }
        }
    }
}
