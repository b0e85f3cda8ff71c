// SPDX-License-Identifier: GPL-2.0

//! Tests of the policy, for KUnit and for tests on the host.
//!
//! A case returns the name of the first row that does not hold. The tests need no host: what it
//! has is a part of each case.

pub(crate) mod closure;
pub(crate) mod firmware;
pub(crate) mod golden;
pub(crate) mod ids;
pub(crate) mod names;
pub(crate) mod policy;

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
