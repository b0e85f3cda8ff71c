// SPDX-License-Identifier: GPL-2.0

//! What the host has.

use super::{
    bits::{
        Ids,
        IsaBits, //
    },
    calls,
    derive,
    policy::{
        Host,
        Rules, //
    },
    regid::Block,
    table::rows, //
};
use kernel::sync::SetOnce;

/// The extensions for which the host has what they need. They do not change once KVM is there.
static IDS: SetOnce<Ids> = SetOnce::new();

/// Returns the extensions for which the host has what they need.
pub(crate) fn ids() -> Ids {
    IDS.copy().unwrap_or_else(find_ids)
}

#[cold]
fn find_ids() -> Ids {
    let ids = rows()
        .iter()
        .filter(|row| calls::host_has_bit(row.host.bit()))
        .fold(Ids::EMPTY, |ids, row| ids.with(row.ext.number()));

    // Another caller may have been first, with the same result.
    IDS.populate(ids);
    ids
}

/// The extensions of a new vCPU.
#[derive(Clone, Copy)]
pub(crate) struct Initial {
    /// By their numbers.
    pub(crate) ids: Ids,
    /// By their ISA bits.
    pub(crate) bits: IsaBits,
}

/// Those for a caller that may use vector instructions, and for one that may not, with the rules
/// of the C code.
static WITH_VECTOR: SetOnce<Initial> = SetOnce::new();
static WITHOUT_VECTOR: SetOnce<Initial> = SetOnce::new();

/// Returns the extensions of a new vCPU of the calling task.
pub(crate) fn initial(rules: Rules) -> Initial {
    let host = current();
    let known = match (rules, host.vector) {
        (Rules::Compatible, true) => &WITH_VECTOR,
        (Rules::Compatible, false) => &WITHOUT_VECTOR,
        (Rules::Strict, _) => return find_initial(host, rules),
    };

    known.copy().unwrap_or_else(|| {
        let initial = find_initial(host, rules);

        // Another caller may have been first, with the same result.
        known.populate(initial);
        initial
    })
}

fn find_initial(host: Host, rules: Rules) -> Initial {
    let ids = host.initial(rules);

    Initial {
        ids,
        bits: derive::isa_bits(ids),
    }
}

/// Returns what decisions for the calling task depend on.
pub(crate) fn current() -> Host {
    Host {
        ids: ids(),
        vector: calls::caller_may_use_vector(),
    }
}

/// Returns the block size of an extension for cache blocks.
pub(crate) fn block_size(block: Block) -> u64 {
    u64::from(calls::block_size(block))
}

/// Returns the mode of address translation, as it is in the highest bits of satp.
pub(crate) fn satp_mode() -> u64 {
    const SHIFT: u32 = 60;

    calls::satp() >> SHIFT
}
