// SPDX-License-Identifier: GPL-2.0

//! Firmware features, and counters.

use super::{
    super::{
        bits::Ids,
        counters,
        fwft::{
            Feature,
            Switches, //
        },
    },
    same,
    Case, //
};

const ALL: Switches = Switches {
    henvcfg: u64::MAX,
    hedeleg: u64::MAX,
};

/// What is left of all switches when a feature is turned off.
pub(crate) fn switches() -> Case {
    const TABLE: [(&str, Feature, u64, u64); 5] = [
        ("misaligned", Feature::MisalignedDelegation, 0, 0x50),
        ("landing pad", Feature::LandingPad, 0x4, 0),
        ("shadow stack", Feature::ShadowStack, 0x8, 0),
        ("updates", Feature::AdUpdating, 1 << 61, 0),
        ("masking", Feature::PointerMasking, 3 << 32, 0),
    ];

    for (row, feature, henvcfg, hedeleg) in TABLE {
        let left = feature.off(ALL);

        same(row, left.henvcfg, !henvcfg)?;
        same(row, left.hedeleg, !hedeleg)?;
        same(row, feature.off(left), left)?;
    }

    Ok(())
}

/// Software checks go with the last of the features that raise them.
pub(crate) fn software_checks() -> Case {
    let one = Feature::LandingPad.off(ALL);
    let both = Feature::ShadowStack.off(one);
    let other = Feature::LandingPad.off(Feature::ShadowStack.off(ALL));

    same("one", one.hedeleg, u64::MAX)?;
    same("both", both.hedeleg, !(1 << 18))?;
    same("the other order", other, both)
}

/// A guest has a feature with all of its extensions only.
pub(crate) fn extensions() -> Case {
    const TABLE: [(&str, Feature, u32, &[u8]); 5] = [
        ("misaligned", Feature::MisalignedDelegation, 0, &[]),
        ("landing pad", Feature::LandingPad, 1, &[78]),
        ("shadow stack", Feature::ShadowStack, 2, &[79]),
        ("updates", Feature::AdUpdating, 4, &[64, 65]),
        ("masking", Feature::PointerMasking, 5, &[62]),
    ];
    let all = Ids::from_words(u64::MAX, u64::MAX);

    for (row, feature, number, extensions) in TABLE {
        same(row, feature.number(), number)?;
        same(row, Feature::from_number(number), Some(feature))?;
        same(row, feature.is_open_to(all), true)?;
        same(row, feature.is_open_to(Ids::EMPTY), extensions.is_empty())?;
        for id in 0..128 {
            same(
                row,
                feature.is_open_to(all.without(id)),
                !extensions.contains(&id),
            )?;
        }
    }
    for number in [3, 6, 7, u32::MAX] {
        same("none", Feature::from_number(number), None)?;
    }

    Ok(())
}

/// Counters of a guest that lost an extension.
pub(crate) fn counters() -> Case {
    let without_base = Ids::only(19);
    let without_hpm = Ids::only(22);

    for csr in 0..0x1000 {
        let base = matches!(csr, 0xc00..=0xc02);
        let hpm = matches!(csr, 0xc03..=0xc1f);

        same("all", counters::is_open(Ids::EMPTY, csr), true)?;
        same("no Zicntr", counters::is_open(without_base, csr), !base)?;
        same("no Zihpm", counters::is_open(without_hpm, csr), !hpm)?;
    }

    same("time", counters::direct(Ids::EMPTY), 2)?;
    same("time, no Zihpm", counters::direct(without_hpm), 2)?;
    same("time, no Zicntr", counters::direct(without_base), 0)
}
