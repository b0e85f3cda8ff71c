// SPDX-License-Identifier: GPL-2.0

//! Tests of the decision over everything that it can be asked, for KUnit and for the host.

use super::{
    decision,
    facts,
    mem_type,
    slot,
    stage2, //
};

mod c_rules;
mod domain;
pub(crate) mod faults;
pub(crate) mod slots;
pub(crate) mod types;

/// The row that does not hold, and the case where it does not, if there are many of them.
#[derive(Debug, PartialEq)]
pub(crate) struct Failed {
    row: &'static str,
    raw: Option<domain::Raw>,
    area: Option<domain::RawArea>,
}

/// The outcome of a test.
pub(crate) type Case = Result<(), Failed>;

/// Checks that `got` is `want`.
fn same<T: PartialEq>(row: &'static str, got: T, want: T) -> Case {
    holds(row, got == want)
}

/// Checks that `condition` holds.
fn holds(row: &'static str, condition: bool) -> Case {
    condition.then_some(()).ok_or(Failed {
        row,
        raw: None,
        area: None,
    })
}
