// SPDX-License-Identifier: GPL-2.0

//! Register ids.

use super::{
    super::{
        errno::Reason,
        policy::MultiWord,
        regid::{
            is_timer_state,
            Block,
            Class,
            ConfigReg,
            CoreReg,
            CsrReg,
            ExtReg,
            Identity,
            RegId,
            Size, //
        }, //
    },
    holds,
    same,
    Case, //
};

/// Size and architecture of most registers.
const U64: u64 = 0x8030_0000_0000_0000;

/// Every type, with the sizes and what is left of the id.
pub(crate) fn types() -> Case {
    const TYPES: [(u64, Class); 10] = [
        (0x0100_0000, Class::Config),
        (0x0200_0000, Class::Core),
        (0x0300_0000, Class::Csr),
        (0x0400_0000, Class::Timer),
        (0x0500_0000, Class::FpF),
        (0x0600_0000, Class::FpD),
        (0x0700_0000, Class::IsaExt),
        (0x0800_0000, Class::SbiExt),
        (0x0900_0000, Class::Vector),
        (0x0a00_0000, Class::SbiState),
    ];

    for number in 0..=0xff_u64 {
        let known = TYPES.iter().find(|(bits, _)| *bits == number << 24);
        let id = RegId::new(U64 | number << 24 | 0x12_3456);

        match known {
            None => same("a type that is none", id, Err(Reason::UnknownType))?,
            Some((_, class)) => {
                let id = id.map_err(|_| "a known type")?;

                same("class", id.class, *class)?;
                same("number", id.number(), 0x12_3456)?;
                same("subtype", id.subtype(), 0x12)?;
                same("number in subtype", id.number_in_subtype(), 0x3456)?;
            }
        }
    }

    same("all types", Class::ALL.len(), TYPES.len())
}

/// The size has to be exact.
pub(crate) fn sizes() -> Case {
    for shift in 0..16 {
        let id = RegId::new(0x8000_0000_0100_0000 | shift << 52).map_err(|_| "config")?;

        same("exact size", id.require_double().is_ok(), shift == 3)?;
        same("size in bytes", Size::of_bytes(1 << shift), Some(id.size))?;
    }

    same("no power of two", Size::of_bytes(24), None)?;
    same("no size", Size::of_bytes(0), None)
}

/// Any architecture is taken, and no bit that has to be zero.
pub(crate) fn other_bits() -> Case {
    for arch in 0..=0xff_u64 {
        let id = RegId::new(arch << 56 | 0x0030_0000_0100_0000).map_err(|_| "config")?;

        same("architecture", ConfigReg::new(id), Ok(ConfigReg::Isa))?;
    }
    for bit in 32..52 {
        for class in Class::ALL {
            let id = RegId::new(U64 | class.number() << 24 | 1 << bit).map_err(|_| "class")?;

            same("number", id.number(), 1 << bit)?;
            holds(
                "config",
                class != Class::Config || ConfigReg::new(id).is_err(),
            )?;
            holds("core", class != Class::Core || CoreReg::new(id).is_err())?;
            holds("csr", class != Class::Csr || CsrReg::new(id).is_err())?;
        }
    }

    Ok(())
}

/// What is put together comes apart again.
pub(crate) fn round_trip() -> Case {
    for class in Class::ALL {
        for size in [Size::WORD, Size::DOUBLE] {
            for subtype in [0, 1, 2, 3, 0xff] {
                for number in [0, 1, 31, 32, 63, 64, 79, 80, 0x7fff, 0xffff] {
                    let id = RegId::new(RegId::encode(class, size, subtype, number))
                        .map_err(|_| "class")?;

                    same("class", id.class, class)?;
                    same("size", id.size, size)?;
                    same("subtype", id.subtype(), u64::from(subtype))?;
                    same("number", id.number_in_subtype(), u64::from(number))?;
                }
            }
        }
    }

    same(
        "an id as in the headers",
        RegId::encode(Class::IsaExt, Size::DOUBLE, 1, 1),
        0x8030_0000_0701_0001,
    )
}

fn id(class: Class, number: u64) -> Result<RegId, &'static str> {
    RegId::new(U64 | class.number() << 24 | number).map_err(|_| "class")
}

/// Registers of the class config.
pub(crate) fn config() -> Case {
    const TABLE: [(u64, ConfigReg); 8] = [
        (0, ConfigReg::Isa),
        (1, ConfigReg::BlockSize(Block::Zicbom)),
        (2, ConfigReg::Identity(Identity::Vendor)),
        (3, ConfigReg::Identity(Identity::Architecture)),
        (4, ConfigReg::Identity(Identity::Implementation)),
        (5, ConfigReg::BlockSize(Block::Zicboz)),
        (6, ConfigReg::SatpMode),
        (7, ConfigReg::BlockSize(Block::Zicbop)),
    ];

    for (number, register) in TABLE {
        same(
            "known",
            ConfigReg::new(id(Class::Config, number)?),
            Ok(register),
        )?;
    }
    for number in [8, 9, 0xff, 0x1_0000, 0xff_ffff] {
        same(
            "unknown",
            ConfigReg::new(id(Class::Config, number)?),
            Err(Reason::UnknownRegister),
        )?;
    }

    Ok(())
}

/// Registers of the classes core and csr.
pub(crate) fn core_and_csr() -> Case {
    same("pc", CoreReg::new(id(Class::Core, 0)?), Ok(CoreReg::Pc))?;
    same(
        "mode",
        CoreReg::new(id(Class::Core, 32)?),
        Ok(CoreReg::Mode),
    )?;
    for number in 1..32_u8 {
        match CoreReg::new(id(Class::Core, u64::from(number))?) {
            Ok(CoreReg::X(index)) => same("x", index.get(), usize::from(number))?,
            _ => return Err("integer register"),
        }
    }
    for number in [33, 34, 64, 0x1_0000] {
        holds(
            "core, unknown",
            CoreReg::new(id(Class::Core, number)?).is_err(),
        )?;
    }

    for number in 0..=0xff_u8 {
        let wide = u64::from(number);

        match CsrReg::new(id(Class::Csr, wide)?) {
            Ok(CsrReg::General(index)) => {
                same("general", index.get(), usize::from(number))?;
                holds("general, range", number < 11)?;
            }
            _ => holds("general, unknown", number >= 11)?,
        }
        same(
            "aia",
            CsrReg::new(id(Class::Csr, 1 << 16 | wide)?),
            Ok(CsrReg::Aia(wide)),
        )?;
        same(
            "smstateen",
            CsrReg::new(id(Class::Csr, 2 << 16 | wide)?),
            Ok(CsrReg::Smstateen(wide)),
        )?;
        same(
            "zicfiss",
            CsrReg::new(id(Class::Csr, 3 << 16 | wide)?),
            Ok(CsrReg::Zicfiss(wide)),
        )?;
        holds(
            "subtype",
            number < 4 || CsrReg::new(id(Class::Csr, wide << 16)?).is_err(),
        )?;
    }

    Ok(())
}

/// Registers about extensions, and the timer's state.
pub(crate) fn extensions() -> Case {
    for number in [0, 1, 2, 79, 80, 0xffff] {
        let words = (MultiWord::new(number), number < 2);

        same("words", words.0.is_some(), words.1)?;
        same(
            "single",
            ExtReg::new(id(Class::IsaExt, number)?),
            Ok(ExtReg::Single(number)),
        )?;
        same(
            "on",
            ExtReg::new(id(Class::IsaExt, 1 << 16 | number)?).ok(),
            words.0.map(ExtReg::On),
        )?;
        same(
            "off",
            ExtReg::new(id(Class::IsaExt, 2 << 16 | number)?).ok(),
            words.0.map(ExtReg::Off),
        )?;
        same(
            "subtype",
            ExtReg::new(id(Class::IsaExt, 3 << 16 | number)?),
            Err(Reason::UnknownRegister),
        )?;
    }

    holds("state", is_timer_state(id(Class::Timer, 3)?))?;
    holds("compare", !is_timer_state(id(Class::Timer, 2)?))?;
    holds("other class", !is_timer_state(id(Class::Config, 3)?))?;
    holds(
        "other size",
        RegId::new(0x8020_0000_0400_0003).is_ok_and(|id| !is_timer_state(id)),
    )
}
