// SPDX-License-Identifier: GPL-2.0

//! Test tables of the protocol logic, for KUnit and for tests on the host.
//!
//! A case returns the name of the first row that does not hold. A case that one of the two does
//! not run is reported there as dead code.

use super::range::IovaRange;

pub(crate) mod config;
pub(crate) mod deferred;
pub(crate) mod fault;
pub(crate) mod histogram;
pub(crate) mod identity;
pub(crate) mod ledger;
pub(crate) mod limits;
pub(crate) mod probe;
pub(crate) mod proto;
pub(crate) mod range;
pub(crate) mod regions;
pub(crate) mod stats;
pub(crate) mod wire;

/// The outcome of a case: the name of the first row that does not hold, if there is one.
pub(crate) type Case = Result<(), &'static str>;

/// Checks that `got` is `want`.
fn same<T: PartialEq>(row: &'static str, got: T, want: T) -> Case {
    holds(row, got == want)
}

/// Checks that `condition` holds.
fn holds(row: &'static str, condition: bool) -> Case {
    condition.then_some(()).ok_or(row)
}

/// Makes a range for a table. An inverted one does not compile there.
const fn range(start: u64, last: u64) -> IovaRange {
    match IovaRange::new(start, last) {
        Some(range) => range,
        None => panic!("inverted range in a test table"),
    }
}
