// SPDX-License-Identifier: GPL-2.0

//! Tests of the policy over everything that it can be asked, for KUnit and for the host.

use super::{
    bar,
    function,
    policy,
    quirk, //
};

mod domain;
pub(crate) mod functions;
pub(crate) mod quirks;
pub(crate) mod requests;

/// The row that does not hold, and the request for which it does not, if there are many of them.
#[derive(Debug, PartialEq)]
pub(crate) struct Failed {
    row: &'static str,
    request: Option<policy::Request<'static>>,
}

/// The outcome of a test.
pub(crate) type Case = Result<(), Failed>;

/// Checks that `got` is `want`.
fn same<T: PartialEq>(row: &'static str, got: T, want: T) -> Case {
    holds(row, got == want)
}

/// Checks that `condition` holds.
fn holds(row: &'static str, condition: bool) -> Case {
    condition.then_some(()).ok_or(Failed { row, request: None })
}
