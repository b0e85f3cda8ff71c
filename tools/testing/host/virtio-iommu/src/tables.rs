// SPDX-License-Identifier: GPL-2.0

//! The cases that KUnit runs too.

use super::cases;

tests! {
    wire { reads writes }
    range { construction length relations granule alignment }
    proto { encoding lengths ids map_flags statuses completions }
    config { fields lengths without_features }
    limits { feature_bits with_features without_features domain_ids refusals probe_sizes input_bits granules page_sizes }
    probe { ends reserved_regions skipping short_values truncation errors sorting }
    fault { wording fields ignored }
    identity { aligned unaligned extreme_granules }
    regions { uniting purposes software_msi }
    histogram { buckets }
    stats { kinds counting timing }
    ledger { answers refusals retries room failures abandoned }
    deferred { neighbours room forgetting }
}
