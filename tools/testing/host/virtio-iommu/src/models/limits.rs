// SPDX-License-Identifier: GPL-2.0

//! Configurations, compared with what the C driver computes and with what must be refused.

use proptest::prelude::*;

use crate::limits::{
    Config,
    Feature,
    Features,
    Limits,
    MAX_PROBE_SIZE, //
};

use super::range::address;

fn features() -> impl Strategy<Value = Features> {
    any::<[bool; 6]>().prop_map(|negotiated| {
        let mut negotiated = negotiated.into_iter();
        Features::from_fn(|_| negotiated.next().unwrap())
    })
}

fn id() -> impl Strategy<Value = u32> {
    prop_oneof![
        any::<u32>(),
        0..4_u32,
        (0..4_u32).prop_map(|distance| u32::MAX - distance),
    ]
}

fn config() -> impl Strategy<Value = Config> {
    let probe_size = prop_oneof![any::<u32>(), 0..1024_u32, 0xfff0..0x10010_u32];

    (address(), address(), address(), id(), id(), probe_size).prop_map(
        |(page_size_mask, input_start, input_end, domain_start, domain_end, probe_size)| Config {
            page_size_mask,
            input_start,
            input_end,
            domain_start,
            domain_end,
            probe_size,
        },
    )
}

/// Whether a device with this configuration is to be refused.
fn refused(config: &Config, features: Features) -> bool {
    config.page_size_mask == 0
        || features.has(Feature::InputRange) && !holds_a_granule(config)
        || features.has(Feature::DomainRange) && config.domain_start > config.domain_end
        || features.has(Feature::Probe) && config.probe_size > MAX_PROBE_SIZE
}

/// Whether a whole granule lies in the input range.
fn holds_a_granule(config: &Config) -> bool {
    let granule = 1_u128 << config.page_size_mask.trailing_zeros();
    let first = u128::from(config.input_start).next_multiple_of(granule);
    first + granule <= u128::from(config.input_end) + 1
}

/// The smallest number of bits whose power of two is not less than `n`.
fn order_base_2(n: u64) -> u32 {
    (0..=64).find(|&bits| 1_u128 << bits >= n.into()).unwrap()
}

proptest! {
    #[test]
    fn limits(config in config(), features in features()) {
        let limits = Limits::new(&config, features);

        prop_assert_eq!(limits.is_err(), refused(&config, features));
        let Ok(limits) = limits else { return Ok(()) };

        let input = if features.has(Feature::InputRange) {
            (config.input_start, config.input_end)
        } else {
            (0, u64::MAX)
        };
        prop_assert_eq!((limits.aperture.start(), limits.aperture.last()), input);
        prop_assert_eq!(limits.input_bits(), order_base_2(input.1));
        prop_assert_eq!(limits.page_size_mask, config.page_size_mask);

        let ids = if features.has(Feature::DomainRange) {
            config.domain_start..=config.domain_end
        } else {
            0..=u32::MAX
        };
        let mut left = ids.clone();
        let identity = if features.has(Feature::BypassConfig) { left.next() } else { None };
        prop_assert_eq!(limits.identity.map(|id| id.get()), identity);
        // Cutting off needs an id only if mapping still has one.
        let blocked = if left.clone().nth(1).is_some() { left.next() } else { None };
        prop_assert_eq!(limits.blocked.map(|id| id.get()), blocked);
        prop_assert_eq!(
            limits.domains.map(|ids| ids.first.get()..=ids.last.get()),
            (!left.is_empty()).then_some(left)
        );

        let probe = if features.has(Feature::Probe) { config.probe_size } else { 0 };
        prop_assert_eq!(limits.probe_size as u128, u128::from(probe));
        prop_assert_eq!(limits.map_flags.bits(), if features.has(Feature::Mmio) { 7 } else { 3 });
    }

    #[test]
    fn page_sizes(config in config(), page_bit in 12..17_u32) {
        if let Ok(limits) = Limits::new(&config, Features::NONE) {
            let fits = (0..=page_bit).any(|bit| config.page_size_mask & (1 << bit) != 0);

            prop_assert_eq!(limits.granule_fits(1 << page_bit), fits);

            let sizes = limits.page_sizes(1 << page_bit);
            let level = page_bit - 3;
            let blocks = 1 << (page_bit + level) | 1 << (page_bit + 2 * level);
            let smallest = limits.granule.bytes().max(0x1000);
            prop_assert_eq!(limits.smallest_page().bytes(), smallest);
            prop_assert_eq!(sizes & !config.page_size_mask & !smallest, 0);
            prop_assert_eq!(sizes & sizes.wrapping_neg(), smallest);
            prop_assert_eq!(sizes | config.page_size_mask & blocks, sizes);
            prop_assert!(sizes.count_ones() <= 3);
        }
    }
}
