// SPDX-License-Identifier: GPL-2.0

//! Fault reports.

use core::fmt::{
    self,
    Write, //
};

use super::{
    super::{
        fault::{
            parse,
            Fault,
            NotAFault,
            EVENT_LEN, //
        },
        wire::Fields, //
    },
    same,
    Case, //
};

/// Text of a bounded length, since there is nothing to allocate it from.
struct Text {
    bytes: [u8; 80],
    len: usize,
}

impl Write for Text {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let free = self.bytes.get_mut(self.len..).ok_or(fmt::Error)?;
        let place = free.get_mut(..more.len()).ok_or(fmt::Error)?;

        place.copy_from_slice(more.as_bytes());
        self.len = self.len.saturating_add(more.len());

        Ok(())
    }
}

/// Checks that a fault is reported with the words `want`.
fn reads(row: &'static str, fault: Fault, want: &str) -> Case {
    let mut text = Text {
        bytes: [0; 80],
        len: 0,
    };

    write!(text, "{fault}").map_err(|_| row)?;

    same(row, text.bytes.get(..text.len), Some(want.as_bytes()))
}

/// Returns an event in which whatever is to be ignored is set.
fn event(reason: u8, flags: u32, endpoint: u32, address: u64) -> [u8; EVENT_LEN] {
    let mut event = [0; EVENT_LEN];

    event.put_u8::<0>(reason);
    event.put_u32::<4>(flags);
    event.put_u32::<8>(endpoint);
    event.put_u32::<12>(u32::MAX);
    event.put_u64::<16>(address);

    event
}

/// Events and the words that the log has for them.
pub(crate) fn wording() -> Case {
    type Row = (&'static str, u8, u32, u32, u64, &'static str);
    const TABLE: &[Row] = &[
        (
            "no access",
            2,
            0x100,
            16,
            0xaabb_ccdd_eeff_0000,
            "page fault from EP 16 at 0xaabbccddeeff0000 []",
        ),
        (
            "read",
            2,
            0x101,
            8,
            0x1000,
            "page fault from EP 8 at 0x1000 [R]",
        ),
        ("write", 1, 0x102, 0, 0, "domain fault from EP 0 at 0x0 [W]"),
        (
            "all",
            0,
            0x107,
            u32::MAX,
            u64::MAX,
            "unknown fault from EP 4294967295 at 0xffffffffffffffff [RWX]",
        ),
        ("execute", 2, 0x104, 1, 1, "page fault from EP 1 at 0x1 [X]"),
        (
            "read and write",
            2,
            0x103,
            1,
            1,
            "page fault from EP 1 at 0x1 [RW]",
        ),
        (
            "read and execute",
            2,
            0x105,
            1,
            1,
            "page fault from EP 1 at 0x1 [RX]",
        ),
        (
            "write and execute",
            2,
            0x106,
            1,
            1,
            "page fault from EP 1 at 0x1 [WX]",
        ),
        ("no address", 2, 0x2, 1, 0x1000, "page fault from EP 1"),
        (
            "reason without a name",
            3,
            0,
            1,
            0,
            "unknown fault from EP 1",
        ),
        ("last reason", 255, 0, 1, 0, "unknown fault from EP 1"),
        (
            "undefined flags",
            2,
            0xffff_fff9,
            1,
            2,
            "page fault from EP 1 at 0x2 [R]",
        ),
    ];

    for &(row, reason, flags, endpoint, address, want) in TABLE {
        let bytes = event(reason, flags, endpoint, address);
        let fault = parse(24, &bytes).map_err(|_| row)?;

        reads(row, fault, want)?;
    }

    Ok(())
}

/// Fields of an event that do not show in the log.
pub(crate) fn fields() -> Case {
    let with = parse(24, &event(2, 0x103, 7, 0x1000)).map_err(|_| "with an address")?;
    let without = parse(24, &event(2, 0x3, 7, 0x1000)).map_err(|_| "without an address")?;

    same("endpoint", with.endpoint.get(), 7)?;
    same("address", with.address, Some(0x1000))?;
    same("no address", without.address, None)?;
    same("same access", with.access, without.access)?;
    same("reads", with.access.reads(), true)?;
    same("writes", with.access.writes(), true)?;
    same("executes", with.access.executes(), false)
}

/// Events that are no faults.
pub(crate) fn ignored() -> Case {
    let good = event(2, 0x101, 1, 0x1000);

    for (row, used) in [
        ("nothing written", 0),
        ("one short", 23),
        ("one long", 25),
        ("far too long", u32::MAX),
    ] {
        same(row, parse(used, &good), Err(NotAFault::Length(used)))?;
    }

    for (row, at) in [("first", 1), ("second", 2), ("third", 3)] {
        let mut bad = good;
        for byte in bad.iter_mut().skip(at).take(1) {
            *byte = 1;
        }

        same(row, parse(24, &bad), Err(NotAFault::Reserved))?;
    }

    Ok(())
}
