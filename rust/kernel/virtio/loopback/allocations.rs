// SPDX-License-Identifier: GPL-2.0

//! Counting allocations.

use crate::{
    bindings,
    prelude::*, //
};

/// More than any test asks for: nothing is to fail.
const MANY: c_uint = 1 << 30;

/// Returns what `f` returns, and how often the current task asked for memory in it.
///
/// Only what cannot wait for memory is counted. Let `f` run with interrupts disabled, and a debug
/// kernel reports whatever else it asks for.
pub fn count_allocations<R>(f: impl FnOnce() -> R) -> (R, u32) {
    // SAFETY: An FFI call with no requirements.
    let task = unsafe { bindings::get_current() };
    // SAFETY: The current task is valid.
    let fail_nth = unsafe { &raw mut (*task).fail_nth };

    // Fault injection counts this down to the allocation that is to fail.
    // SAFETY: The field belongs to the current task, unless somebody writes to its file in /proc.
    unsafe { fail_nth.write_volatile(MANY) };
    let result = f();
    // SAFETY: As above.
    let left = unsafe { fail_nth.read_volatile() };
    // SAFETY: As above.
    unsafe { fail_nth.write_volatile(0) };
    (result, MANY.saturating_sub(left))
}
