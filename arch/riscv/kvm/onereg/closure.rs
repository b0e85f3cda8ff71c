// SPDX-License-Identifier: GPL-2.0

//! The strict rules: a guest has no extension without those that it needs.
//!
//! Enabling an extension enables what it needs, and disabling one disables what needs it. Either
//! all of that is allowed, or nothing changes.

use super::{
    bits::Ids,
    derive,
    errno::Reason,
    policy::{
        Change,
        Vcpu, //
    },
    table::{
        rows,
        Mechanism,
        Row, //
    },
};

/// Returns a set with what it needs, and with what comes by the same control.
pub(crate) fn with_needs(mut set: Ids) -> Ids {
    loop {
        let more = set
            .union(derive::direct_needs(set))
            .union(same_control(set));

        if more == set {
            return set;
        }
        set = more;
    }
}

/// Returns a set with what needs it, and with what goes by the same control.
pub(crate) fn with_dependents(mut set: Ids) -> Ids {
    loop {
        let more = rows()
            .iter()
            .filter(|row| !row.needs.intersection(set).is_empty())
            .fold(set, |found, row| found.with(row.ext.number()))
            .union(same_control(set));

        if more == set {
            return set;
        }
        set = more;
    }
}

/// Returns the extensions that are on or off together with one of a set.
fn same_control(set: Ids) -> Ids {
    if set.intersection(derive::FLOAT).is_empty() {
        Ids::EMPTY
    } else {
        derive::FLOAT
    }
}

/// Returns a change with all that has to change with it.
pub(crate) fn close(vcpu: &Vcpu, wanted: Change) -> Result<Change, Reason> {
    let rest = |set: Ids| set.intersection(derive::FLOAT).minus(vcpu.host.ids);
    let on = with_needs(wanted.on);
    let on = on.minus(rest(on)).minus(vcpu.guest);
    let off = with_dependents(wanted.off).intersection(vcpu.guest);
    let stays = off.minus(gone_with(vcpu, off));

    // What is asked for is refused for its own sake, unless it goes with something else.
    if let Some(refusal) = vcpu.refusal(Change {
        on: wanted.on,
        off: wanted.off.intersection(stays),
    }) {
        return Err(refusal);
    }
    if let Some(number) = on.intersection(with_dependents(wanted.off)).first() {
        return Err(Reason::Needs(number));
    }
    if let Some(number) = on.minus(vcpu.host.enable_allowed(vcpu.host.ids)).first() {
        return Err(Reason::Needs(number));
    }
    if let Some(number) = stays.first() {
        return Err(Reason::NeededBy(number));
    }

    Ok(Change { on, off })
}

/// Returns those extensions of a set that a guest notices to be gone, if all of it is disabled.
///
/// That is what can be disabled for itself, and instructions on registers that are turned off.
fn gone_with(vcpu: &Vcpu, set: Ids) -> Ids {
    let mut gone = vcpu.host.disable_allowed(set, vcpu.rules);
    let mut without_registers = set.intersection(derive::FLOAT.union(derive::VECTOR));

    loop {
        let more = rows()
            .iter()
            .filter(|row| set.has(row.ext.number()) && is_on_registers(row, without_registers))
            .fold(without_registers, |found, row| found.with(row.ext.number()));

        if more == without_registers {
            gone = gone.union(more);
            return gone;
        }
        without_registers = more;
    }
}

/// Returns whether an extension is instructions on registers that are turned off.
fn is_on_registers(row: &Row, without_registers: Ids) -> bool {
    matches!(row.by, Mechanism::Nothing(_)) && !row.needs.intersection(without_registers).is_empty()
}
