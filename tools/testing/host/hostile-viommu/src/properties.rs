// SPDX-License-Identifier: GPL-2.0

//! What PROBE says about an endpoint.

use crate::wire::{property, reserved_memory};

/// Types of properties.
const RESV_MEM: u16 = 1;
const UNDEFINED: u16 = 0x345;

/// Subtypes of RESV_MEM.
const RESERVED: u8 = 0;
const MSI: u8 = 1;

/// The window that x86 devices write their interrupts to.
const MSI_WINDOW: (u64, u64) = (0xfee0_0000, 0xfeef_ffff);

/// Properties that a driver has to refuse, or to live with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PropertyLie {
    /// Regions overlap, and one lies within another.
    Overlapping,
    /// The length of a property added to its header's is zero in 16 bits.
    Wrapping,
    /// The end of a region comes before its start.
    Reversed,
    /// The same region as often as there is room for it.
    Repeated,
    /// The last property is longer than the buffer.
    PastTheEnd,
    /// Properties of an undefined type and of no length fill the buffer.
    EmptyValues,
    /// A region that has no room for its addresses.
    TooShort,
    /// A region of 2^64 bytes.
    WholeSpace,
    /// Everything that can be mapped is reserved.
    AllReserved,
    /// A region of a kind that is not defined.
    UnknownSubtype,
    /// The reserved bits of a type are set.
    ReservedBits,
    /// The buffer is full of ones.
    Ones,
    /// There are none, not even what interrupts need.
    Nothing,
}

impl PropertyLie {
    /// The words for them in the names of cases.
    pub(crate) const NAMES: [(&'static str, Self); 13] = [
        ("overlapping", Self::Overlapping),
        ("wrapping", Self::Wrapping),
        ("reversed", Self::Reversed),
        ("repeated", Self::Repeated),
        ("past-the-end", Self::PastTheEnd),
        ("empty-values", Self::EmptyValues),
        ("too-short", Self::TooShort),
        ("whole-space", Self::WholeSpace),
        ("all-reserved", Self::AllReserved),
        ("unknown-subtype", Self::UnknownSubtype),
        ("reserved-bits", Self::ReservedBits),
        ("ones", Self::Ones),
        ("nothing", Self::Nothing),
    ];

    fn bytes(self, room: usize) -> Vec<u8> {
        match self {
            Self::Overlapping => [
                region(RESERVED, 0x2000_0000, 0x2fff_ffff),
                region(RESERVED, 0x2800_0000, 0x3fff_ffff),
                region(RESERVED, 0x2900_0000, 0x29ff_ffff),
            ]
            .concat(),
            Self::Wrapping => property(RESV_MEM, 0xfffc, &[]),
            Self::Reversed => region(RESERVED, 0x2fff_ffff, 0x2000_0000),
            Self::Repeated => {
                let one = region(RESERVED, 0x2000_0000, 0x2fff_ffff);
                one.repeat(room / one.len())
            }
            Self::PastTheEnd => {
                let filler = property(UNDEFINED, 0, &[]).repeat(room / 4 - 1);
                [filler, property(RESV_MEM, 20, &[])].concat()
            }
            Self::EmptyValues => property(UNDEFINED, 0, &[]).repeat(room / 4),
            Self::TooShort => property(RESV_MEM, 4, &[RESERVED, 0, 0, 0]),
            Self::WholeSpace => region(RESERVED, 0, u64::MAX),
            Self::AllReserved => region(RESERVED, 0, (1 << 39) - 1),
            Self::UnknownSubtype => region(0x7f, 0x2000_0000, 0x2fff_ffff),
            Self::ReservedBits => property(
                RESV_MEM | 0xf000,
                20,
                &reserved_memory(RESERVED, 0x2fff_ffff, 0x2000_0000),
            ),
            Self::Ones => vec![0xff; room],
            Self::Nothing => Vec::new(),
        }
    }
}

fn region(subtype: u8, start: u64, end: u64) -> Vec<u8> {
    let value = reserved_memory(subtype, start, end);
    property(RESV_MEM, 20, &value)
}

/// The `room` bytes of properties that a PROBE is answered with.
pub(crate) fn answer(lie: Option<PropertyLie>, room: usize) -> Vec<u8> {
    let mut bytes = match lie {
        Some(lie) => lie.bytes(room),
        None => region(MSI, MSI_WINDOW.0, MSI_WINDOW.1),
    };
    bytes.resize(room, 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_fills_the_buffer_and_differs_from_the_truth() {
        let truth = answer(None, 512);
        for (name, lie) in PropertyLie::NAMES {
            let lied = answer(Some(lie), 512);
            assert_eq!(lied.len(), 512, "{name}");
            assert_ne!(lied, truth, "{name}");
        }
        // A driver may have been told of a size that has no room for anything.
        for (_, lie) in PropertyLie::NAMES {
            for room in [4, 24, 25] {
                assert_eq!(answer(Some(lie), room).len(), room);
            }
        }
    }

    #[test]
    fn the_wrapping_length_wraps() {
        let bytes = answer(Some(PropertyLie::Wrapping), 512);
        let length = u16::from_le_bytes([bytes[2], bytes[3]]);
        assert_eq!(length.wrapping_add(4), 0);
    }
}
