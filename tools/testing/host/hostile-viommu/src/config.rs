// SPDX-License-Identifier: GPL-2.0

//! What the configuration space says.

use crate::wire::Config;

/// What an honest device says.
pub(crate) const HONEST: Config = Config {
    page_size_mask: !0xfff,
    input: (0, (1 << 39) - 1),
    domains: (0, 1023),
    probe_size: 512,
    bypass: 1,
};

/// A configuration that a driver has to refuse, or to live with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConfigLie {
    /// No page size at all.
    PageSizeMaskZero,
    /// Nothing smaller than 1 GiB can be mapped.
    PageSizeHuge,
    /// The last address comes before the first one.
    InputRangeInverted,
    /// One byte can be mapped, so no page.
    InputRangeEmpty,
    /// The last domain ID comes before the first one.
    DomainRangeInverted,
    /// There is one domain ID.
    DomainRangeSingle,
    /// The properties of an endpoint take 4 GiB.
    ProbeSizeHuge,
    /// There is room for no property, with the feature offered.
    ProbeSizeZero,
    /// Each read finds something else, and no notice is given: notices while QEMU reads end QEMU.
    Changing,
}

impl ConfigLie {
    /// The words for them in the names of cases.
    pub(crate) const NAMES: [(&'static str, Self); 9] = [
        ("page-size-mask-zero", Self::PageSizeMaskZero),
        ("page-size-huge", Self::PageSizeHuge),
        ("input-range-inverted", Self::InputRangeInverted),
        ("input-range-empty", Self::InputRangeEmpty),
        ("domain-range-inverted", Self::DomainRangeInverted),
        ("domain-range-single", Self::DomainRangeSingle),
        ("probe-size-huge", Self::ProbeSizeHuge),
        ("probe-size-zero", Self::ProbeSizeZero),
        ("changing", Self::Changing),
    ];

    /// The configuration that is found by the `read`th look at it.
    pub(crate) fn config(self, read: u64) -> Config {
        match self {
            Self::PageSizeMaskZero => Config {
                page_size_mask: 0,
                ..HONEST
            },
            Self::PageSizeHuge => Config {
                page_size_mask: 1 << 30,
                ..HONEST
            },
            Self::InputRangeInverted => Config {
                input: (HONEST.input.1, 0x1000),
                ..HONEST
            },
            Self::InputRangeEmpty => Config {
                input: (0x1000, 0x1000),
                ..HONEST
            },
            Self::DomainRangeInverted => Config {
                domains: (2, 1),
                ..HONEST
            },
            Self::DomainRangeSingle => Config {
                domains: (7, 7),
                ..HONEST
            },
            Self::ProbeSizeHuge => Config {
                probe_size: u32::MAX,
                ..HONEST
            },
            Self::ProbeSizeZero => Config {
                probe_size: 0,
                ..HONEST
            },
            Self::Changing => changing(read),
        }
    }
}

/// Never the same twice in a row: sound, without a page size, and inverted.
fn changing(read: u64) -> Config {
    match read % 3 {
        0 => HONEST,
        1 => ConfigLie::PageSizeMaskZero.config(0),
        _ => ConfigLie::InputRangeInverted.config(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lie_differs_from_the_truth() {
        for (name, lie) in ConfigLie::NAMES {
            let lies = (0..3).any(|read| lie.config(read) != HONEST);
            assert!(lies, "{name}");
        }
    }

    #[test]
    fn a_changing_configuration_is_never_the_same_twice_in_a_row() {
        for read in 0..9 {
            let both = [read, read + 1].map(|read| ConfigLie::Changing.config(read));
            assert_ne!(both[0], both[1]);
        }
    }
}
