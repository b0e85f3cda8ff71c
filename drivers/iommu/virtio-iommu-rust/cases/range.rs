// SPDX-License-Identifier: GPL-2.0

//! Ranges and granules.

use super::{
    super::range::{
        Granule,
        IovaRange, //
    },
    holds,
    range,
    same,
    Case, //
};

const MAX: u64 = u64::MAX;

/// Ends, or start and length, that make a range or do not.
pub(crate) fn construction() -> Case {
    let ends = |range: IovaRange| (range.start(), range.last());
    let new = |start, last| IovaRange::new(start, last).map(ends);
    let from_len = |start, len| IovaRange::from_len(start, len).map(ends);

    same("one byte", new(5, 5), Some((5, 5)))?;
    same("everything", new(0, MAX), Some((0, MAX)))?;
    same("all", Some(ends(IovaRange::ALL)), new(0, MAX))?;
    same("inverted", new(5, 4), None)?;
    same("inverted at the ends", new(MAX, 0), None)?;

    same("length 0", from_len(5, 0), None)?;
    same("length 1", from_len(5, 1), Some((5, 5)))?;
    same("length 1 at the end", from_len(MAX, 1), Some((MAX, MAX)))?;
    same("wraps by one", from_len(MAX, 2), None)?;
    same(
        "reaches the end",
        from_len(0x1000, MAX - 0xfff),
        Some((0x1000, MAX)),
    )?;
    same("wraps", from_len(0x1001, MAX - 0xfff), None)?;
    same("longest", from_len(1, MAX), Some((1, MAX)))
}

/// The number of bytes in a range.
pub(crate) fn length() -> Case {
    same("one byte", range(7, 7).len(), Some(1))?;
    same("last byte", range(MAX, MAX).len(), Some(1))?;
    same("page", range(0x1000, 0x1fff).len(), Some(0x1000))?;
    same("all but one", range(1, MAX).len(), Some(MAX))?;
    same("everything", range(0, MAX).len(), None)
}

/// How two ranges lie to each other.
pub(crate) fn relations() -> Case {
    let (row, other) = (range(0x1000, 0x1fff), range(0x2000, 0x2fff));

    holds("contains its start", row.contains(0x1000))?;
    holds("contains its last", row.contains(0x1fff))?;
    holds("not the byte before", !row.contains(0xfff))?;
    holds("not the byte behind", !row.contains(0x2000))?;

    holds("overlaps itself", row.overlaps(row))?;
    holds("overlaps at its last", row.overlaps(range(0x1fff, MAX)))?;
    holds("overlaps at its start", row.overlaps(range(0, 0x1000)))?;
    holds("overlaps what covers it", row.overlaps(range(0, MAX)))?;
    holds("neighbours do not overlap", !row.overlaps(other))?;
    holds("nor the other way round", !other.overlaps(row))?;

    holds("adjoins", row.adjoins(other))?;
    holds("not backwards", !other.adjoins(row))?;
    holds("not with a hole", !row.adjoins(range(0x2001, 0x2fff)))?;
    holds("not with an overlap", !row.adjoins(range(0x1fff, 0x2fff)))?;
    holds(
        "nothing behind the end",
        !range(1, MAX).adjoins(range(0, 0)),
    )
}

/// The granule of a mask of page sizes.
pub(crate) fn granule() -> Case {
    let of = |mask| Granule::lowest_of(mask).map(Granule::bytes);

    same("no size", of(0), None)?;
    same("bytes", of(MAX), Some(1))?;
    same("4 KiB and up", of(0xffff_ffff_ffff_f000), Some(0x1000))?;
    same("4 KiB and 2 MiB", of(0x20_1000), Some(0x1000))?;
    same("largest", of(1 << 63), Some(1 << 63))
}

/// Alignment to a granule.
pub(crate) fn alignment() -> Case {
    let four_k = Granule::lowest_of(0x1000).ok_or("4 KiB")?;
    let byte = Granule::lowest_of(1).ok_or("byte")?;
    let largest = Granule::lowest_of(1 << 63).ok_or("largest")?;

    same("down, aligned", four_k.align_down(0x2000), 0x2000)?;
    same("down, last of it", four_k.align_down(0x2fff), 0x2000)?;
    same("up, aligned", four_k.align_up(0x2000), Some(0x2000))?;
    same("up, first of it", four_k.align_up(0x2001), Some(0x3000))?;
    same(
        "up, last aligned",
        four_k.align_up(MAX - 0xfff),
        Some(MAX - 0xfff),
    )?;
    same("up, too far", four_k.align_up(MAX - 0xffe), None)?;
    same("byte down", byte.align_down(MAX), MAX)?;
    same("byte up", byte.align_up(MAX), Some(MAX))?;
    same("largest down", largest.align_down((1 << 63) - 1), 0)?;
    same("largest up", largest.align_up(1), Some(1 << 63))?;
    same("largest up, too far", largest.align_up((1 << 63) + 1), None)?;
    same("offset mask", four_k.offset_mask(), 0xfff)
}
