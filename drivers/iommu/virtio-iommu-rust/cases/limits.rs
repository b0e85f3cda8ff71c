// SPDX-License-Identifier: GPL-2.0

//! Features and configuration.

use super::{
    super::{
        errno::Errno,
        limits::{
            Config,
            ConfigError,
            DomainIds,
            Feature,
            Features,
            Limits,
            MAX_PROBE_SIZE, //
        },
        proto::{
            DomainId,
            MapFlags, //
        },
        range::Granule, //
    },
    holds,
    range,
    same,
    Case, //
};

const FOUR_K_AND_UP: u64 = 0xffff_ffff_ffff_f000;

/// A configuration of which every field matters.
const CONFIG: Config = Config {
    page_size_mask: FOUR_K_AND_UP,
    input_start: 0x1000,
    input_end: (1 << 39) - 1,
    domain_start: 1,
    domain_end: 0xffff,
    probe_size: 512,
};

const fn ids(first: u32, last: u32) -> Option<DomainIds> {
    Some(DomainIds {
        first: DomainId::new(first),
        last: DomainId::new(last),
    })
}

fn all_features() -> Features {
    Features::from_fn(|_| true)
}

/// Numbers of the feature bits.
pub(crate) fn feature_bits() -> Case {
    const TABLE: &[(&str, Feature, u32)] = &[
        ("input range", Feature::InputRange, 0),
        ("domain range", Feature::DomainRange, 1),
        ("map and unmap", Feature::MapUnmap, 2),
        ("probe", Feature::Probe, 4),
        ("mmio", Feature::Mmio, 5),
        ("bypass config", Feature::BypassConfig, 6),
    ];

    same("number of features", TABLE.len(), Feature::ALL.len())?;

    for &(row, feature, bit) in TABLE {
        let only = Features::from_fn(|asked| asked == feature);

        same(row, feature.bit(), bit)?;
        same(row, only, Features::NONE.with(feature))?;
        holds(row, Feature::ALL.contains(&feature))?;
        for other in Feature::ALL {
            same(row, only.has(other), other == feature)?;
        }
    }

    Ok(())
}

/// With all features, all of the configuration is used.
pub(crate) fn with_features() -> Case {
    let want = Limits {
        page_size_mask: FOUR_K_AND_UP,
        granule: Granule::lowest_of(0x1000).ok_or("granule")?,
        aperture: range(0x1000, (1 << 39) - 1),
        domains: ids(3, 0xffff),
        identity: Some(DomainId::new(1)),
        blocked: Some(DomainId::new(2)),
        map_flags: MapFlags::new(true, true, true),
        probe_size: 512,
    };

    same("all", Limits::new(&CONFIG, all_features()), Ok(want))
}

/// Without its feature, a field is not looked at, whatever nonsense it holds.
pub(crate) fn without_features() -> Case {
    let nonsense = Config {
        page_size_mask: 0x1000,
        input_start: 1,
        input_end: 0,
        domain_start: 1,
        domain_end: 0,
        probe_size: u32::MAX,
    };
    let want = Limits {
        page_size_mask: 0x1000,
        granule: Granule::lowest_of(0x1000).ok_or("granule")?,
        aperture: range(0, u64::MAX),
        domains: ids(1, u32::MAX),
        identity: None,
        blocked: Some(DomainId::new(0)),
        map_flags: MapFlags::new(true, true, false),
        probe_size: 0,
    };

    same("none", Limits::new(&nonsense, Features::NONE), Ok(want))
}

/// What the ids of the device are used for.
pub(crate) fn domain_ids() -> Case {
    const MAX: u32 = u32::MAX;
    /// Identity, blocked, domains with mappings.
    type Uses = (Option<u32>, Option<u32>, Option<DomainIds>);
    // Start, end, then the uses without and with a bypass domain.
    const TABLE: &[(&str, u32, u32, Uses, Uses)] = &[
        (
            "all",
            0,
            MAX,
            (None, Some(0), ids(1, MAX)),
            (Some(0), Some(1), ids(2, MAX)),
        ),
        (
            "three",
            5,
            7,
            (None, Some(5), ids(6, 7)),
            (Some(5), Some(6), ids(7, 7)),
        ),
        (
            "two",
            5,
            6,
            (None, Some(5), ids(6, 6)),
            (Some(5), None, ids(6, 6)),
        ),
        ("one", 5, 5, (None, None, ids(5, 5)), (Some(5), None, None)),
        (
            "the last one",
            MAX,
            MAX,
            (None, None, ids(MAX, MAX)),
            (Some(MAX), None, None),
        ),
    ];
    let range_only = Features::NONE.with(Feature::DomainRange);
    let with_bypass = range_only.with(Feature::BypassConfig);

    for &(row, domain_start, domain_end, plain, bypass) in TABLE {
        let config = Config {
            domain_start,
            domain_end,
            ..CONFIG
        };

        for (features, want) in [(range_only, plain), (with_bypass, bypass)] {
            let limits = Limits::new(&config, features);
            let uses = limits.map(|l| {
                let number = |id: DomainId| id.get();
                (l.identity.map(number), l.blocked.map(number), l.domains)
            });

            same(row, uses, Ok(want))?;
        }
    }

    Ok(())
}

/// Configurations that no driver could work with.
pub(crate) fn refusals() -> Case {
    let cases = [
        (
            "no page size",
            Config {
                page_size_mask: 0,
                ..CONFIG
            },
            ConfigError::NoPageSize,
        ),
        (
            "inverted input range",
            Config {
                input_start: 0x1000,
                input_end: 0xfff,
                ..CONFIG
            },
            ConfigError::InputRange {
                start: 0x1000,
                end: 0xfff,
            },
        ),
        (
            "input range of a byte",
            Config {
                input_start: 0x1000,
                input_end: 0x1000,
                ..CONFIG
            },
            ConfigError::InputRange {
                start: 0x1000,
                end: 0x1000,
            },
        ),
        (
            "input range without a whole page",
            Config {
                input_start: 0x1001,
                input_end: 0x2ffe,
                ..CONFIG
            },
            ConfigError::InputRange {
                start: 0x1001,
                end: 0x2ffe,
            },
        ),
        (
            "inverted domain range",
            Config {
                domain_start: 8,
                domain_end: 7,
                ..CONFIG
            },
            ConfigError::DomainRange { start: 8, end: 7 },
        ),
        (
            "properties too long",
            Config {
                probe_size: MAX_PROBE_SIZE + 1,
                ..CONFIG
            },
            ConfigError::ProbeSize(MAX_PROBE_SIZE + 1),
        ),
    ];

    for (row, config, error) in cases {
        same(row, Limits::new(&config, all_features()), Err(error))?;
        same(row, error.errno(), Errno::Inval)?;
    }

    Ok(())
}

/// Sizes of the properties up to the longest one.
pub(crate) fn probe_sizes() -> Case {
    for (row, probe_size, want) in [
        ("nothing to probe", 0, 0),
        ("usual", 512, 512),
        ("longest", MAX_PROBE_SIZE, 0x10000),
    ] {
        let config = Config {
            probe_size,
            ..CONFIG
        };
        let limits = Limits::new(&config, all_features());

        same(row, limits.map(|l| l.probe_size), Ok(want))?;
    }

    Ok(())
}

/// The number of bits in the message of the driver.
pub(crate) fn input_bits() -> Case {
    const TABLE: &[(&str, u64, u32)] = &[
        ("0", 0, 0),
        ("1", 1, 0),
        ("2", 2, 1),
        ("3", 3, 2),
        ("4", 4, 2),
        ("5", 5, 3),
        ("32 bits", 0xffff_ffff, 32),
        ("39 bits less one", (1 << 39) - 2, 39),
        ("39 bits", (1 << 39) - 1, 39),
        ("2^39", 1 << 39, 39),
        ("2^39 and one", (1 << 39) + 1, 40),
        ("48 bits", (1 << 48) - 1, 48),
        ("2^63", 1 << 63, 63),
        ("2^63 and one", (1 << 63) + 1, 64),
        ("64 bits", u64::MAX, 64),
    ];

    for &(row, input_end, want) in TABLE {
        let config = Config {
            page_size_mask: u64::MAX,
            input_start: 0,
            input_end,
            ..CONFIG
        };
        let limits = Limits::new(&config, all_features());

        same(row, limits.map(|l| l.input_bits()), Ok(want))?;
    }

    Ok(())
}

/// Page sizes that the IOMMU core is offered.
pub(crate) fn page_sizes() -> Case {
    const ALL: u64 = u64::MAX;
    // Mask of the device, page size of the system, sizes.
    const TABLE: &[(&str, u64, u64, u64)] = &[
        ("4K pages", FOUR_K_AND_UP, 0x1000, 0x4020_1000),
        ("16K pages", FOUR_K_AND_UP, 0x4000, 0x10_0200_1000),
        ("64K pages", FOUR_K_AND_UP, 0x1_0000, 0x400_2000_1000),
        ("granule of 64K", ALL << 16, 0x1_0000, 0x400_2001_0000),
        ("granule of 1", ALL, 0x1000, 0x4020_1000),
        ("granule of 1 alone", 1, 0x1_0000, 0x1000),
        ("no hints", 0x1000, 0x1000, 0x1000),
        ("one hint", 0x4000_1000, 0x1000, 0x4000_1000),
        ("other hints", 0x1_3000, 0x1000, 0x1000),
        ("granule above the blocks", 1 << 63, 0x1000, 1 << 63),
        ("no page", FOUR_K_AND_UP, 0, 0x1000),
        ("vast page", FOUR_K_AND_UP, 1 << 63, 0x1000),
    ];

    for &(row, page_size_mask, page_size, want) in TABLE {
        let config = Config {
            page_size_mask,
            input_start: 0,
            input_end: u64::MAX,
            ..CONFIG
        };
        let limits = Limits::new(&config, all_features());

        same(row, limits.map(|l| l.page_sizes(page_size)), Ok(want))?;
    }

    Ok(())
}

/// Granules that suit a page size.
pub(crate) fn granules() -> Case {
    for (row, page_size_mask, page_size, want) in [
        ("same", 0x1000, 0x1000, true),
        ("smaller", 1, 0x1000, true),
        ("larger", 0x1_0000, 0x1000, false),
        ("4 KiB on 64 KiB pages", FOUR_K_AND_UP, 0x1_0000, true),
        ("64 KiB on 64 KiB pages", 0x1_0000, 0x1_0000, true),
    ] {
        let config = Config {
            page_size_mask,
            input_start: 0,
            input_end: u64::MAX,
            ..CONFIG
        };
        let limits = Limits::new(&config, all_features());

        same(row, limits.map(|l| l.granule_fits(page_size)), Ok(want))?;
    }

    Ok(())
}
