// SPDX-License-Identifier: GPL-2.0

//! The configuration space.

use super::{
    super::{
        config::{
            read,
            Space, //
        },
        limits::{
            Config,
            Feature,
            Features, //
        }, //
    },
    same,
    Case, //
};

/// As the specification lays it out, `bypass` and its padding at the end.
const IMAGE: [u8; 40] = [
    0x00, 0xf0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, // page_size_mask
    0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, // input_range.start
    0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, // input_range.end
    0x18, 0x19, 0x1a, 0x1b, // domain_range.start
    0x1c, 0x1d, 0x1e, 0x1f, // domain_range.end
    0x20, 0x21, 0x22, 0x23, // probe_size
    0x24, 0x25, 0x26, 0x27, // bypass
];

/// A configuration space that ends after this many bytes.
struct Short(usize);

impl Short {
    /// Returns the bytes at `offset`, or where reading should not have gone.
    fn bytes<const N: usize>(&self, offset: u32) -> Result<[u8; N], u32> {
        let space = IMAGE.get(..self.0).ok_or(offset)?;
        let start = usize::try_from(offset).map_err(|_| offset)?;
        let (_, rest) = space.split_at_checked(start).ok_or(offset)?;

        rest.first_chunk().copied().ok_or(offset)
    }
}

impl Space for Short {
    type Error = u32;

    fn u32_at(&self, offset: u32) -> Result<u32, u32> {
        self.bytes(offset).map(u32::from_le_bytes)
    }

    fn u64_at(&self, offset: u32) -> Result<u64, u32> {
        self.bytes(offset).map(u64::from_le_bytes)
    }
}

/// Each field is where the specification has it.
pub(crate) fn fields() -> Case {
    let want = Config {
        page_size_mask: 0x7fff_ffff_ffff_f000,
        input_start: 0x0f0e_0d0c_0b0a_0908,
        input_end: 0x1716_1514_1312_1110,
        domain_start: 0x1b1a_1918,
        domain_end: 0x1f1e_1d1c,
        probe_size: 0x2322_2120,
    };

    same(
        "all",
        read(&Short(40), Features::from_fn(|_| true)),
        Ok(want),
    )
}

/// Nothing is read past the last field that there has to be.
pub(crate) fn lengths() -> Case {
    let none = Features::NONE;
    let ends = |space, features| read(&Short(space), features).err();

    for (row, features, len) in [
        ("no feature", none, 8),
        ("map and unmap", none.with(Feature::MapUnmap), 8),
        ("mmio", none.with(Feature::Mmio), 8),
        ("bypass", none.with(Feature::BypassConfig), 8),
        ("input range", none.with(Feature::InputRange), 24),
        ("domain range", none.with(Feature::DomainRange), 32),
        ("probe", none.with(Feature::Probe), 36),
        ("all", Features::from_fn(|_| true), 36),
    ] {
        same(row, ends(len, features), None)?;
        // The last field is the one that is missing then.
        let last = match len {
            8 => 0,
            24 => 16,
            32 => 28,
            _ => 32,
        };
        same(row, ends(len - 1, features), Some(last))?;
    }

    Ok(())
}

/// Fields without their feature stay zero.
pub(crate) fn without_features() -> Case {
    let page_size_mask = 0x7fff_ffff_ffff_f000;
    let input = Config {
        page_size_mask,
        input_start: 0x0f0e_0d0c_0b0a_0908,
        input_end: 0x1716_1514_1312_1110,
        ..Config::default()
    };
    let none = Config {
        page_size_mask,
        ..Config::default()
    };

    same("none", read(&Short(40), Features::NONE), Ok(none))?;
    same(
        "input range",
        read(&Short(40), Features::NONE.with(Feature::InputRange)),
        Ok(input),
    )
}
