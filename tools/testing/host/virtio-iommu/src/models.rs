// SPDX-License-Identifier: GPL-2.0

//! Slow and obvious versions of the logic, and comparisons with them on random input.

mod deferred;
mod fault;
mod histogram;
mod identity;
mod ledger;
mod limits;
mod probe;
mod proto;
mod range;
mod regions;
mod shadow;
mod stats;

use proptest::test_runner::Config;

/// Settings for parsers, which are cheap to run and have the most to fear from their input.
///
/// `PROPTEST_CASES` scales the number of cases.
fn many_cases() -> Config {
    let default = Config::default();

    Config {
        cases: default.cases.saturating_mul(64),
        ..default
    }
}
