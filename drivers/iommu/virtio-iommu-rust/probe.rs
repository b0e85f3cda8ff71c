// SPDX-License-Identifier: GPL-2.0

//! Properties of an endpoint, as a PROBE request returns them.
//!
//! Reference: Virtual I/O Device (VIRTIO) specification, "IOMMU device", "PROBE properties".
//!
//! The device writes the properties, so nothing in them is believed: each step of the parser moves
//! on by at least a header and never beyond the buffer.

use super::{
    errno::Errno,
    range::IovaRange,
    wire::Fields, //
};

/// Length of the header of a property.
const HEADER_LEN: usize = 4;

/// Length of the value of a RESV_MEM property.
const RESV_MEM_LEN: usize = 20;

/// Part of the type field that holds the type.
const KIND_MASK: u16 = 0xfff;

/// Property types.
mod kind {
    pub(super) const NONE: u16 = 0;
    pub(super) const RESV_MEM: u16 = 1;
}

/// Subtypes of RESV_MEM.
mod subtype {
    pub(super) const RESERVED: u8 = 0;
    pub(super) const MSI: u8 = 1;
}

/// Purpose of a range of addresses that must not be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResvKind {
    /// The endpoint cannot use the range.
    Reserved,
    /// The endpoint writes its message-signalled interrupts there, untranslated.
    Msi,
    /// A subtype that the specification does not define. It asks to treat it as reserved.
    Unknown(u8),
}

impl ResvKind {
    /// Returns whether interrupts go to the range.
    pub(crate) const fn is_msi(self) -> bool {
        matches!(self, Self::Msi)
    }
}

/// A range of addresses that must not be mapped for an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResvMem {
    /// The addresses.
    pub(crate) range: IovaRange,
    /// Their purpose.
    pub(crate) kind: ResvKind,
}

/// A property of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Property {
    /// A range of addresses that must not be mapped.
    ResvMem(ResvMem),
    /// A property that the specification does not define.
    Unknown {
        /// Its type.
        kind: u16,
    },
}

/// Why a property is of no use. `offset` is that of the property in the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PropertyError {
    /// The buffer ends in the middle of a header. Nothing follows.
    TruncatedHeader {
        /// Where the header is.
        offset: usize,
    },
    /// The property is longer than the buffer. Where the next one is cannot be told.
    Truncated {
        /// Where the property is.
        offset: usize,
        /// Its type.
        kind: u16,
        /// The length that it claims.
        length: u16,
    },
    /// A RESV_MEM property is too short to hold a range.
    ResvMemTooShort {
        /// Where the property is.
        offset: usize,
        /// Its length.
        length: u16,
    },
    /// The range of a RESV_MEM property is inverted or is the whole address space.
    ResvMemRange {
        /// Where the property is.
        offset: usize,
        /// Start of the range.
        start: u64,
        /// End of the range.
        end: u64,
    },
}

impl PropertyError {
    /// Returns the error that probing the endpoint fails with.
    pub(crate) const fn errno(self) -> Errno {
        match self {
            Self::TruncatedHeader { .. }
            | Self::Truncated { .. }
            | Self::ResvMemTooShort { .. } => Errno::Inval,
            Self::ResvMemRange { .. } => Errno::Overflow,
        }
    }

    /// Returns the type of the property, zero where it is unknown.
    pub(crate) const fn kind(self) -> u16 {
        match self {
            Self::TruncatedHeader { .. } => kind::NONE,
            Self::Truncated { kind, .. } => kind,
            Self::ResvMemTooShort { .. } | Self::ResvMemRange { .. } => kind::RESV_MEM,
        }
    }
}

/// Returns the properties in `buffer`, which is the writable part of a PROBE request without its
/// tail.
///
/// A property that is malformed, but has a place where it ends, gives an error and is skipped.
pub(crate) const fn properties(buffer: &[u8]) -> Properties<'_> {
    Properties {
        rest: buffer,
        offset: 0,
    }
}

/// Iterator over the properties of an endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Properties<'a> {
    /// What is not parsed yet.
    rest: &'a [u8],
    /// Offset of `rest` in the whole buffer.
    offset: usize,
}

/// A property whose end is known.
struct Frame<'a> {
    /// Where the property is.
    offset: usize,
    /// The type field, reserved bits included.
    kind: u16,
    /// The length field.
    length: u16,
    /// As many bytes as `length` says.
    value: &'a [u8],
}

impl<'a> Properties<'a> {
    /// Takes the next property off the buffer, or returns [`None`] at the end.
    fn next_frame(&mut self) -> Option<Result<Frame<'a>, PropertyError>> {
        let offset = self.offset;
        // Nothing follows an end or an error unless the whole property is there.
        let rest = core::mem::take(&mut self.rest);

        let Some((header, rest)) = rest.split_first_chunk::<HEADER_LEN>() else {
            // Padding is no property.
            let padding = rest.iter().all(|&byte| byte == 0);

            return (!padding).then_some(Err(PropertyError::TruncatedHeader { offset }));
        };

        let kind = header.u16_at::<0>();
        let length = header.u16_at::<2>();

        if kind == kind::NONE {
            return None;
        }

        let Some((value, rest)) = rest.split_at_checked(usize::from(length)) else {
            return Some(Err(PropertyError::Truncated {
                offset,
                kind: kind & KIND_MASK,
                length,
            }));
        };

        self.rest = rest;
        self.offset = offset
            .saturating_add(HEADER_LEN)
            .saturating_add(value.len());

        Some(Ok(Frame {
            offset,
            kind,
            length,
            value,
        }))
    }
}

impl Iterator for Properties<'_> {
    type Item = Result<Property, PropertyError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let frame = match self.next_frame()? {
                Ok(frame) => frame,
                Err(error) => return Some(Err(error)),
            };

            // The specification asks to ignore a property whose reserved bits are set.
            if frame.kind & !KIND_MASK != 0 {
                continue;
            }

            return Some(match frame.kind {
                kind::RESV_MEM => parse_resv_mem(&frame).map(Property::ResvMem),
                kind => Ok(Property::Unknown { kind }),
            });
        }
    }
}

/// Parses the value of a RESV_MEM property.
fn parse_resv_mem(frame: &Frame<'_>) -> Result<ResvMem, PropertyError> {
    let Some(value) = frame.value.first_chunk::<RESV_MEM_LEN>() else {
        return Err(PropertyError::ResvMemTooShort {
            offset: frame.offset,
            length: frame.length,
        });
    };

    let [subtype, ..] = *value;
    let start = value.u64_at::<4>();
    let end = value.u64_at::<12>();

    // A region of 2^64 bytes has no length that the kernel could represent.
    let Some(range) = IovaRange::new(start, end).filter(|range| range.len().is_some()) else {
        return Err(PropertyError::ResvMemRange {
            offset: frame.offset,
            start,
            end,
        });
    };

    Ok(ResvMem {
        range,
        kind: match subtype {
            subtype::RESERVED => ResvKind::Reserved,
            subtype::MSI => ResvKind::Msi,
            other => ResvKind::Unknown(other),
        },
    })
}

/// Returns where to insert `new` to keep a list sorted by start.
///
/// Of regions with the same start, the one that was reported first comes first.
pub(crate) fn insertion_index(sorted: &[ResvMem], new: &ResvMem) -> usize {
    sorted.partition_point(|region| region.range.start() <= new.range.start())
}
