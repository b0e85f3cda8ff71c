// SPDX-License-Identifier: GPL-2.0

//! Histograms, compared with looking at each value.

use proptest::prelude::*;

use crate::histogram::Histogram;

/// Values of all magnitudes.
fn value() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64_u32).prop_map(|(value, shift)| value >> shift)
}

proptest! {
    #[test]
    fn every_value_is_in_its_bucket(values in prop::collection::vec(value(), 0..200)) {
        let mut histogram = Histogram::new();
        for value in &values {
            histogram.add(*value);
        }

        let buckets: Vec<_> = histogram.buckets().collect();
        let ends = buckets.iter().skip(1).map(|(lowest, _)| lowest - 1).chain([u64::MAX]);
        for ((lowest, count), end) in buckets.iter().zip(ends) {
            let within = values.iter().filter(|value| (*lowest..=end).contains(value)).count();
            prop_assert_eq!(*count, within as u64);
        }
        prop_assert_eq!(histogram.total(), values.len() as u64);

        let text = histogram.to_string();
        let sum: u64 = text
            .lines()
            .skip(1)
            .map(|line| line.split_once(' ').unwrap().1.parse::<u64>().unwrap())
            .sum();
        prop_assert_eq!(sum, values.len() as u64);
        let total = format!("total {sum}");
        prop_assert_eq!(text.lines().next(), Some(total.as_str()));
    }
}
