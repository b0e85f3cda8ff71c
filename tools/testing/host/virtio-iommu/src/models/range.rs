// SPDX-License-Identifier: GPL-2.0

//! Ranges and granules, compared with arithmetic that cannot overflow.

use proptest::prelude::*;

use crate::range::{
    Granule,
    IovaRange, //
};

/// Addresses, many of them near the ends of the address space and near each other.
pub(super) fn address() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        0..32_u64,
        (0..32_u64).prop_map(|distance| u64::MAX - distance),
        (0..64_u32).prop_map(|bit| 1 << bit),
        (0..64_u32).prop_map(|bit| (1 << bit) - 1),
    ]
}

/// Ranges, many of them near the ends of the address space and near each other.
pub(super) fn any_range() -> impl Strategy<Value = IovaRange> {
    (address(), address())
        .prop_map(|(one, other)| IovaRange::new(one.min(other), one.max(other)).unwrap())
}

/// First and last address of a range, then its length.
fn wide(range: IovaRange) -> (u128, u128, u128) {
    let (start, last) = (u128::from(range.start()), u128::from(range.last()));

    (start, last, last + 1 - start)
}

proptest! {
    #[test]
    fn from_ends(start in address(), last in address()) {
        let range = IovaRange::new(start, last);

        prop_assert_eq!(range.is_some(), start <= last);
        if let Some(range) = range {
            prop_assert_eq!((range.start(), range.last()), (start, last));
        }
    }

    #[test]
    fn from_length(start in address(), len in address()) {
        let end = u128::from(start) + u128::from(len);
        let range = IovaRange::from_len(start, len);

        prop_assert_eq!(range.is_some(), len > 0 && end <= 1 << 64);
        if let Some(range) = range {
            prop_assert_eq!(range.start(), start);
            prop_assert_eq!(u128::from(range.last()) + 1, end);
            prop_assert_eq!(range.len(), Some(len));
        }
    }

    #[test]
    fn length(range in any_range()) {
        let (_, _, len) = wide(range);

        prop_assert_eq!(range.len(), u64::try_from(len).ok());
    }

    #[test]
    fn membership(range in any_range(), addr in address()) {
        let (start, last, _) = wide(range);

        prop_assert_eq!(range.contains(addr), (start..=last).contains(&u128::from(addr)));
    }

    #[test]
    fn relations(one in any_range(), other in any_range()) {
        let (start, last, _) = wide(one);
        let (other_start, other_last, _) = wide(other);
        let shared = (last.min(other_last) + 1).saturating_sub(start.max(other_start));

        prop_assert_eq!(one.overlaps(other), shared > 0);
        prop_assert_eq!(one.adjoins(other), last + 1 == other_start);
    }

    #[test]
    fn neighbours_adjoin(start in address(), last in address(), end in address()) {
        if let (Some(first), Some(next)) = (
            IovaRange::new(start, last),
            last.checked_add(1).and_then(|next| IovaRange::new(next, end)),
        ) {
            prop_assert!(first.adjoins(next));
            prop_assert!(!first.overlaps(next));
        }
    }

    #[test]
    fn lowest_bit(mask in address()) {
        let lowest = (0..64).map(|bit| 1_u64 << bit).find(|bit| mask & bit != 0);

        prop_assert_eq!(Granule::lowest_of(mask).map(Granule::bytes), lowest);
    }

    #[test]
    fn alignment(bit in 0..64_u32, addr in address()) {
        let granule = Granule::lowest_of(1 << bit).unwrap();
        let (size, wide) = (u128::from(granule.bytes()), u128::from(addr));

        prop_assert_eq!(u128::from(granule.align_down(addr)), wide / size * size);
        prop_assert_eq!(granule.align_up(addr), u64::try_from(wide.div_ceil(size) * size).ok());
        prop_assert_eq!(u128::from(granule.offset_mask()), size - 1);
    }
}
