// SPDX-License-Identifier: GPL-2.0

//! How often values of which size occurred, by powers of two.

use core::fmt;

/// One for zero, one for each power of two, and the last for all that is larger.
const BUCKETS: usize = 40;

/// Counts of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Histogram {
    counts: [u64; BUCKETS],
}

impl Histogram {
    /// Creates a histogram of nothing.
    pub(crate) const fn new() -> Self {
        Self {
            counts: [0; BUCKETS],
        }
    }

    /// Counts `value`.
    pub(crate) fn add(&mut self, value: u64) {
        let bucket = usize::try_from(u64::BITS - value.leading_zeros()).unwrap_or(BUCKETS);
        if let Some(count) = self.counts.get_mut(bucket.min(BUCKETS - 1)) {
            *count = count.saturating_add(1);
        }
    }

    /// Returns the number of values.
    pub(crate) fn total(&self) -> u64 {
        self.counts
            .iter()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Returns the lowest value of each bucket, and the number of values in it.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        // The lowest values are 0, 1, 2, 4 and so on.
        let powers = (0..u64::BITS).map(|bit| 1 << bit);
        core::iter::once(0)
            .chain(powers)
            .zip(self.counts.iter().copied())
    }
}

impl fmt::Display for Histogram {
    /// One line for the number of values, and one for each bucket that is not empty.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "total {}", self.total())?;
        for (lowest, count) in self.buckets().filter(|(_, count)| *count != 0) {
            writeln!(f, "{lowest} {count}")?;
        }
        Ok(())
    }
}
