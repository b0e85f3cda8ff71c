// SPDX-License-Identifier: GPL-2.0

//! UNMAP requests that wait, compared with sets of addresses.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::{
    deferred::{
        Deferred,
        Range, //
    },
    proto::DomainId,
    range::IovaRange, //
};

fn range() -> impl Strategy<Value = Range> {
    (0..2_u32, 0..40_u64, 0..4_u64).prop_map(|(domain, start, len)| Range {
        domain: DomainId::new(domain),
        iova: IovaRange::new(start, start + len).unwrap(),
    })
}

fn addresses(range: &Range) -> impl Iterator<Item = (u32, u64)> {
    let domain = range.domain.get();
    (range.iova.start()..=range.iova.last()).map(move |address| (domain, address))
}

proptest! {
    /// Whatever is joined with whatever: the addresses that come out are those that went in.
    #[test]
    fn nothing_is_lost_or_added(ranges in prop::collection::vec(range(), 0..40)) {
        let mut deferred = Deferred::new();
        let mut wanted = BTreeSet::new();
        for range in &ranges {
            prop_assert!(deferred.add(*range));
            wanted.extend(addresses(range));
        }

        let mut found = BTreeSet::new();
        let mut count = 0;
        while let Some((place, range)) = deferred.find(|_| true) {
            deferred.remove(place);
            found.extend(addresses(&range));
            count += 1;
        }
        prop_assert_eq!(found, wanted);
        prop_assert!(count <= ranges.len());
    }

    /// Whoever asks for a range gets all that touches it.
    #[test]
    fn overlaps_are_found(ranges in prop::collection::vec(range(), 0..40), asked in range()) {
        let mut deferred = Deferred::new();
        let mut wanted = BTreeSet::new();
        let of_asked: BTreeSet<_> = addresses(&asked).collect();
        for range in &ranges {
            prop_assert!(deferred.add(*range));
            wanted.extend(addresses(range).filter(|address| of_asked.contains(address)));
        }

        let mut found = BTreeSet::new();
        while let Some((place, range)) = deferred.find(|range| range.overlaps(&asked)) {
            deferred.remove(place);
            found.extend(addresses(&range).filter(|address| of_asked.contains(address)));
        }
        prop_assert_eq!(found, wanted);
    }
}
