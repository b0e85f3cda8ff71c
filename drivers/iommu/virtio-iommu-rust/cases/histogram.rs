// SPDX-License-Identifier: GPL-2.0

//! Histograms.

use super::{
    super::histogram::Histogram,
    same,
    Case, //
};

/// Which values are in one bucket.
pub(crate) fn buckets() -> Case {
    let rows = [
        ("0", 0, 0),
        ("1", 1, 1),
        ("2", 2, 2),
        ("3", 3, 2),
        ("4", 4, 4),
        ("1023", 1023, 512),
        ("1024", 1024, 1024),
        ("the first of the last bucket", 1 << 38, 1 << 38),
        ("one before it", (1 << 38) - 1, 1 << 37),
        ("more than the last bucket begins with", 1 << 39, 1 << 38),
        ("the greatest", u64::MAX, 1 << 38),
    ];

    for (row, value, lowest) in rows {
        let mut histogram = Histogram::new();
        histogram.add(value);
        let mut used = histogram.buckets().filter(|(_, count)| *count != 0);
        same(row, used.next(), Some((lowest, 1)))?;
        same(row, used.next(), None)?;
        drop(used);
        same(row, histogram.total(), 1)?;
    }

    same("no value", Histogram::new().total(), 0)
}
