// SPDX-License-Identifier: GPL-2.0

//! Errata, and whom they concern.

use super::{
    holds,
    quirk::{
        find,
        is_named,
        Devices,
        Id,
        Model,
        Place,
        Quirk,
        Subject,
        TABLE, //
    },
    same,
    Case, //
};

/// QEMU's network card, root port and host bridge, on one of its processors.
const QEMU: Place = Place {
    function: Some(Id {
        vendor: 0x8086,
        device: 0x10d3,
    }),
    root_port: Some(Id {
        vendor: 0x1b36,
        device: 0x000c,
    }),
    host_bridge: Some(Id {
        vendor: 0x1b36,
        device: 0x0008,
    }),
    model: Model {
        implementer: 0x41,
        part: 0xd08,
    },
};

fn id(number: u32) -> Option<Id> {
    Id::from_number(number)
}

/// A table of one row.
fn only(subject: Subject, but_vendor: Option<u16>) -> [Quirk; 1] {
    [Quirk {
        subject,
        but_vendor,
        why: c"made up",
    }]
}

fn concerns(subject: Subject, but_vendor: Option<u16>) -> bool {
    find(&only(subject, but_vendor), &QEMU).is_some()
}

/// Each kind of row is about what it says, and about nothing else.
pub(crate) fn subjects() -> Case {
    let devices = |first, last| Devices { first, last };
    let rows = [
        ("host bridge", 0x1b36, devices(8, 8), [true, false, false]),
        ("root port", 0x1b36, devices(0xc, 0xc), [false, true, false]),
        ("range", 0x1b36, devices(8, 0xc), [true, true, false]),
        ("below", 0x1b36, devices(0, 7), [false, false, false]),
        ("above", 0x1b36, devices(0xd, 0xffff), [false, false, false]),
        ("vendor", 0x1b37, devices(0, 0xffff), [false, false, false]),
        (
            "function",
            0x8086,
            devices(0x10d3, 0x10d3),
            [false, false, true],
        ),
    ];
    for (row, vendor, devices, want) in rows {
        let got = [
            concerns(Subject::HostBridge { vendor, devices }, None),
            concerns(Subject::RootPort { vendor, devices }, None),
            concerns(Subject::Function { vendor, devices }, None),
        ];
        same(row, got, want)?;
    }
    holds("processor", concerns(Subject::Processor(QEMU.model), None))?;
    let other = Model {
        part: 0xd09,
        ..QEMU.model
    };
    holds("other part", !concerns(Subject::Processor(other), None))
}

/// A row can spare a vendor's functions.
pub(crate) fn spared_vendor() -> Case {
    let subject = Subject::Processor(QEMU.model);
    holds("spared", !concerns(subject, Some(0x8086)))?;
    holds("not another", concerns(subject, Some(0x1b36)))
}

/// The errata that are known, by the numbers of their machines.
pub(crate) fn known() -> Case {
    let at = |root_port, host_bridge, midr, function| Place {
        function: id(function),
        root_port: id(root_port),
        host_bridge: id(host_bridge),
        model: Model::from_midr(midr),
    };
    let neoverse_n1 = 0x413f_d0c1;
    let olympus = 0x4e0f_0100;
    let card = 0x15b3_1017;
    let rows = [
        (
            "Altra, port a0",
            at(0x1def_e101, 0x1def_e100, neoverse_n1, card),
            true,
        ),
        (
            "Altra, port b7",
            at(0x1def_e118, 0x1def_e110, neoverse_n1, card),
            true,
        ),
        (
            "Altra, complex A",
            at(0, 0x1def_e100, neoverse_n1, card),
            true,
        ),
        (
            "Altra, complex B",
            at(0, 0x1def_e110, neoverse_n1, card),
            true,
        ),
        (
            "the same core elsewhere",
            at(0x1d0f_0200, 0, neoverse_n1, card),
            false,
        ),
        ("eMAG", at(0x1def_e005, 0, 0x503f_0001, card), false),
        ("Vera", at(0x10de_22b1, 0, olympus, card), true),
        (
            "Vera with its own",
            at(0x10de_22b1, 0, olympus, 0x10de_2330),
            false,
        ),
        ("QEMU", QEMU, false),
    ];
    for (row, place, want) in rows {
        same(row, find(TABLE, &place).is_some(), want)?;
    }
    holds(
        "each says why",
        TABLE.iter().all(|quirk| !quirk.why.is_empty()),
    )
}

/// What the administrator names.
pub(crate) fn named() -> Case {
    holds("nothing", !is_named(None, &QEMU))?;
    holds("the function", is_named(id(0x8086_10d3), &QEMU))?;
    holds("the root port", is_named(id(0x1b36_000c), &QEMU))?;
    holds("the host bridge", is_named(id(0x1b36_0008), &QEMU))?;
    holds("another", !is_named(id(0x1b36_0009), &QEMU))?;
    let alone = Place {
        root_port: None,
        host_bridge: None,
        ..QEMU
    };
    holds("nothing is not missing", !is_named(None, &alone))
}

/// Numbers and what they are made of.
pub(crate) fn numbers() -> Case {
    same("none", id(0), None)?;
    let want = Id {
        vendor: 0x1234,
        device: 0x5678,
    };
    same("halves", id(0x1234_5678), Some(want))?;
    let want = Model {
        implementer: 0x41,
        part: 0xd0c,
    };
    same("MIDR", Model::from_midr(0x413f_d0c1), want)?;
    same("another revision", Model::from_midr(0x411f_d0c9), want)
}
