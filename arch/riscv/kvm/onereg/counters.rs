// SPDX-License-Identifier: GPL-2.0

//! Counters that a guest may use, which it does by CSRs.

use super::{
    bits::Ids,
    derive, //
};

/// The CSR of the first counter, cycle. The next are time, instret, and hpmcounter3 to 31.
const CYCLE: u32 = 0xc00;
const INSTRET: u32 = 0xc02;
const HPMCOUNTER3: u32 = 0xc03;
const HPMCOUNTER31: u32 = 0xc1f;

/// The bit of hcounteren for time, the only counter that guests read without KVM.
const TM: u64 = 1 << 1;

/// Returns whether a guest may use a CSR, if it is one of a counter.
///
/// `lost` is what the host has and the guest does not. Where the host does not say that it has
/// counters, guests get them nonetheless, as they do from the C code.
pub(crate) fn is_open(lost: Ids, csr: u32) -> bool {
    match csr {
        CYCLE..=INSTRET => lost.intersection(derive::BASE_COUNTERS).is_empty(),
        HPMCOUNTER3..=HPMCOUNTER31 => lost.intersection(derive::HPM_COUNTERS).is_empty(),
        _ => true,
    }
}

/// Returns the counters that a guest reads without KVM, as in hcounteren.
pub(crate) fn direct(lost: Ids) -> u64 {
    if lost.intersection(derive::BASE_COUNTERS).is_empty() {
        TM
    } else {
        0
    }
}
