// SPDX-License-Identifier: GPL-2.0

//! Firmware features, counters, and SBI extensions.

use super::{
    super::{
        bits::Ids,
        counters,
        fwft::{
            off_with,
            Feature,
            Switches, //
        },
        policy::MultiWord,
        regid::ExtReg,
        sbi::SbiExtensions, //
    },
    holds,
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

/// Each feature has three registers.
pub(crate) fn registers() -> Case {
    for (feature, number) in Feature::ALL.into_iter().zip(0..) {
        same("first", u64::from(feature.first_register()), 3 * number)?;
        for register in 3 * number..3 * number + 3 {
            same("one of", Feature::of_register(register), Some(feature))?;
        }
    }
    for register in [15, 16, 1 << 16, u64::MAX] {
        same("none", Feature::of_register(register), None)?;
    }

    Ok(())
}

/// With an extension goes what its feature turned on, and nothing else.
pub(crate) fn lost_extensions() -> Case {
    for id in 0..128 {
        let left = off_with(Ids::only(id), ALL);
        let henvcfg = match id {
            62 => 3 << 32,
            64 | 65 => 1 << 61,
            78 => 1 << 2,
            79 => 1 << 3,
            _ => 0,
        };

        same("henvcfg", left.henvcfg, !henvcfg)?;
        same("hedeleg", left.hedeleg, u64::MAX)?;
    }

    let both = off_with(Ids::only(78).with(79), ALL);
    same("both, henvcfg", both.henvcfg, !0b1100)?;
    same("both, hedeleg", both.hedeleg, !(1 << 18))
}

/// What a write to a register about SBI extensions would leave as it is.
pub(crate) fn sbi_extensions() -> Case {
    let vcpu = SbiExtensions {
        unavailable: 0b001,
        enabled: 0b010,
        disabled: 0b100,
    };
    let single = |number, value| vcpu.stay_with(ExtReg::Single(number), value);
    let on = |value| vcpu.stay_with(ExtReg::On(MultiWord::First), value);
    let off = |value| vcpu.stay_with(ExtReg::Off(MultiWord::First), value);

    for number in [0, 3, 63, 64, u64::MAX] {
        holds("not there", !single(number, 0) && !single(number, 1))?;
    }
    holds("enabled", single(1, 1) && !single(1, 0))?;
    holds("disabled", single(2, 0) && !single(2, 1))?;
    holds("no value", !single(1, 2) && !single(2, u64::MAX))?;
    holds("enable", on(0) && on(0b011) && !on(0b100) && !on(0b111))?;
    holds(
        "disable",
        off(0) && off(0b101) && !off(0b010) && !off(0b111),
    )?;
    for register in [
        ExtReg::On(MultiWord::Second),
        ExtReg::Off(MultiWord::Second),
    ] {
        holds("no second word", !vcpu.stay_with(register, 0))?;
    }

    let left_out = |register| {
        vcpu.left_out(register, 1 << 63 | 0b111)
            .fold(0, |left, number| left | 1_u64 << number)
    };
    for register in [ExtReg::On(MultiWord::First), ExtReg::Off(MultiWord::First)] {
        same("left out", left_out(register), 1 << 63 | 0b001)?;
    }
    same("none of one", left_out(ExtReg::Single(0)), 0)?;

    Ok(())
}
