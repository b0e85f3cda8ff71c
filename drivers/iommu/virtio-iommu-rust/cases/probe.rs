// SPDX-License-Identifier: GPL-2.0

//! Properties of endpoints.

use super::{
    super::{
        errno::Errno,
        probe::{
            insertion_index,
            properties,
            Property,
            PropertyError,
            ResvKind,
            ResvMem, //
        },
        wire::Fields, //
    },
    holds,
    range,
    same,
    Case, //
};

type Parsed = Result<Property, PropertyError>;

/// A RESV_MEM property of the doorbell of the x86 interrupt controller.
const MSI: [u8; 24] = [
    1, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0xe0, 0xfe, 0, 0, 0, 0, 0xff, 0xff, 0xef, 0xfe, 0, 0, 0, 0,
];

const MSI_PARSED: Parsed = resv(0xfee0_0000, 0xfeef_ffff, ResvKind::Msi);

const fn resv(start: u64, last: u64, kind: ResvKind) -> Parsed {
    Ok(Property::ResvMem(ResvMem {
        range: range(start, last),
        kind,
    }))
}

const fn bad_range(offset: usize, start: u64, end: u64) -> Parsed {
    Err(PropertyError::ResvMemRange { offset, start, end })
}

/// Puts the bytes of `parts` one behind the other; what remains is zero.
fn joined<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut all = [0; N];
    let bytes = parts.iter().copied().flatten();

    for (place, &byte) in all.iter_mut().zip(bytes) {
        *place = byte;
    }

    all
}

/// Returns a RESV_MEM property.
fn resv_mem(subtype: u8, start: u64, end: u64) -> [u8; 24] {
    joined(&[
        &[1, 0, 20, 0, subtype, 0, 0, 0],
        &start.to_le_bytes(),
        &end.to_le_bytes(),
    ])
}

/// Checks that parsing `buffer` gives `want` and then nothing any more.
fn parses(row: &'static str, buffer: &[u8], want: &[Parsed]) -> Case {
    let mut parsed = properties(buffer);

    for item in want {
        same(row, parsed.next(), Some(*item))?;
    }

    same(row, parsed.next(), None)?;
    same(row, parsed.next(), None)
}

/// Where a list of properties ends.
pub(crate) fn ends() -> Case {
    parses("empty", &[], &[])?;
    parses("padding too short for a header", &[0; 3], &[])?;
    parses("zero", &[0; 512], &[])?;
    parses("one, at the end of the buffer", &MSI, &[MSI_PARSED])?;
    parses("one, then zero", &joined::<512>(&[&MSI]), &[MSI_PARSED])?;
    parses(
        "one, then a short padding",
        &joined::<27>(&[&MSI]),
        &[MSI_PARSED],
    )?;
    parses(
        "none ends the list, whatever its length",
        &joined::<52>(&[&MSI, &[0, 0, 0, 0], &MSI]),
        &[MSI_PARSED],
    )?;
    parses(
        "none with a length",
        &joined::<60>(&[&[0, 0, 0xff, 0xff], &MSI]),
        &[],
    )
}

/// Reserved regions.
pub(crate) fn reserved_regions() -> Case {
    const MAX: u64 = u64::MAX;

    parses(
        "reserved",
        &resv_mem(0, 0x1000, 0x1fff),
        &[resv(0x1000, 0x1fff, ResvKind::Reserved)],
    )?;
    parses(
        "unknown subtype",
        &resv_mem(2, 0x1000, 0x1fff),
        &[resv(0x1000, 0x1fff, ResvKind::Unknown(2))],
    )?;
    parses(
        "one byte",
        &resv_mem(0, MAX, MAX),
        &[resv(MAX, MAX, ResvKind::Reserved)],
    )?;
    parses(
        "all but one byte",
        &resv_mem(0, 1, MAX),
        &[resv(1, MAX, ResvKind::Reserved)],
    )?;
    parses("everything", &resv_mem(0, 0, MAX), &[bad_range(0, 0, MAX)])?;
    parses("inverted by one", &resv_mem(0, 8, 7), &[bad_range(0, 8, 7)])?;
    parses("inverted", &resv_mem(1, MAX, 0), &[bad_range(0, MAX, 0)])?;

    let mut reserved_bytes = MSI;
    reserved_bytes.put_bytes::<5, 3>([0xff; 3]);
    parses("reserved bytes are ignored", &reserved_bytes, &[MSI_PARSED])?;

    let mut longer = joined::<32>(&[&MSI, &[0xff; 8]]);
    longer.put_u8::<2>(28);
    parses(
        "a longer value is for later drivers",
        &longer,
        &[MSI_PARSED],
    )
}

/// What is not understood is passed over, and what follows is not lost.
pub(crate) fn skipping() -> Case {
    let unknown = |kind| Ok(Property::Unknown { kind });

    parses(
        "unknown",
        &joined::<36>(&[&[2, 0, 8, 0], &[0xff; 8], &MSI]),
        &[unknown(2), MSI_PARSED],
    )?;
    parses(
        "unknown and empty",
        &joined::<28>(&[&[0xff, 0x0f, 0, 0], &MSI]),
        &[unknown(0xfff), MSI_PARSED],
    )?;
    parses(
        "reserved bits in the type",
        &joined::<48>(&[&[1, 0x80], &[20, 0], &[0xff; 20], &MSI]),
        &[MSI_PARSED],
    )?;
    parses(
        "reserved bits and no type",
        &joined::<28>(&[&[0, 0x10, 0, 0], &MSI]),
        &[MSI_PARSED],
    )?;
    parses(
        "inverted range in the middle",
        &joined::<72>(&[&MSI, &resv_mem(0, 2, 1), &MSI]),
        &[MSI_PARSED, bad_range(24, 2, 1), MSI_PARSED],
    )?;
    parses(
        "two bad ones",
        &joined::<48>(&[&resv_mem(0, 2, 1), &resv_mem(1, 4, 3)]),
        &[bad_range(0, 2, 1), bad_range(24, 4, 3)],
    )
}

/// Values that are too short for a range.
pub(crate) fn short_values() -> Case {
    let short = |offset, length| Err(PropertyError::ResvMemTooShort { offset, length });

    parses(
        "empty",
        &joined::<28>(&[&[1, 0, 0, 0], &MSI]),
        &[short(0, 0), MSI_PARSED],
    )?;
    parses(
        "one byte short",
        &joined::<47>(&[&MSI, &[1, 0, 19, 0], &[0; 19]]),
        &[MSI_PARSED, short(24, 19)],
    )
}

/// Properties that are not all there. Nothing behind them can be found.
pub(crate) fn truncation() -> Case {
    let truncated = |offset, kind, length| {
        Err(PropertyError::Truncated {
            offset,
            kind,
            length,
        })
    };
    let header = |offset| Err(PropertyError::TruncatedHeader { offset });

    parses("one byte", &[1], &[header(0)])?;
    parses("three bytes", &[0, 0, 1], &[header(0)])?;
    parses(
        "header behind a property",
        &joined::<26>(&[&MSI, &[1, 0]]),
        &[MSI_PARSED, header(24)],
    )?;
    parses("header only", &[1, 0, 20, 0], &[truncated(0, 1, 20)])?;
    parses(
        "one byte missing",
        &joined::<23>(&[&MSI]),
        &[truncated(0, 1, 20)],
    )?;
    parses(
        "a length that wraps 16 bits with its header",
        &joined::<512>(&[&[1, 0, 0xfc, 0xff]]),
        &[truncated(0, 1, 0xfffc)],
    )?;
    parses(
        "an unknown one",
        &joined::<64>(&[&[3, 0, 61, 0]]),
        &[truncated(0, 3, 61)],
    )?;
    parses(
        "one with reserved bits",
        &joined::<64>(&[&MSI, &[3, 0xf0, 0xff, 0xff]]),
        &[MSI_PARSED, truncated(24, 3, 0xffff)],
    )
}

/// The errors that the kernel and the log get.
pub(crate) fn errors() -> Case {
    let rows = [
        (
            "header",
            PropertyError::TruncatedHeader { offset: 0 },
            Errno::Inval,
            0,
        ),
        (
            "value",
            PropertyError::Truncated {
                offset: 0,
                kind: 7,
                length: 1,
            },
            Errno::Inval,
            7,
        ),
        (
            "short",
            PropertyError::ResvMemTooShort {
                offset: 0,
                length: 19,
            },
            Errno::Inval,
            1,
        ),
        (
            "range",
            PropertyError::ResvMemRange {
                offset: 0,
                start: 1,
                end: 0,
            },
            Errno::Overflow,
            1,
        ),
    ];

    for (row, error, errno, kind) in rows {
        same(row, error.errno(), errno)?;
        same(row, error.kind(), kind)?;
    }

    holds("msi", ResvKind::Msi.is_msi())?;
    holds("reserved is no msi", !ResvKind::Reserved.is_msi())?;
    holds("unknown is no msi", !ResvKind::Unknown(1).is_msi())
}

/// Where a region goes in a sorted list.
pub(crate) fn sorting() -> Case {
    let region = |start| ResvMem {
        range: range(start, u64::MAX),
        kind: ResvKind::Reserved,
    };
    let sorted = [1, 3, 3, 5].map(region);

    same("empty", insertion_index(&[], &region(7)), 0)?;
    same("first", insertion_index(&sorted, &region(0)), 0)?;
    same("between", insertion_index(&sorted, &region(2)), 1)?;
    same("behind its equals", insertion_index(&sorted, &region(3)), 3)?;
    same("last", insertion_index(&sorted, &region(5)), 4)
}
