// SPDX-License-Identifier: GPL-2.0

//! Sets and reasons.

use super::{
    super::{
        bits::Ids,
        errno::{
            Errno,
            Reason,
            OUTSIDE, //
        },
    },
    holds,
    same,
    Case, //
};

/// All reasons, with their errors.
pub(crate) const REASONS: [(Reason, Errno); 14] = [
    (Reason::UnknownType, Errno::NoEnt),
    (Reason::WrongSize, Errno::Inval),
    (Reason::UnknownRegister, Errno::NoEnt),
    (Reason::NotOnHost, Errno::NoEnt),
    (Reason::HasRun, Errno::Busy),
    (Reason::BadValue, Errno::Inval),
    (Reason::NotOffered, Errno::Inval),
    (Reason::HostLacks(5), Errno::Inval),
    (Reason::NoVector, Errno::Inval),
    (Reason::NoMechanism, Errno::Inval),
    (Reason::InUse, Errno::Inval),
    (Reason::NotStrict, Errno::Inval),
    (Reason::Needs(5), Errno::Inval),
    (Reason::NeededBy(5), Errno::Inval),
];

/// Each reason has an error and a code of its own.
pub(crate) fn reasons() -> Case {
    for ((reason, errno), code) in REASONS.into_iter().zip(0_u8..) {
        let about_another = matches!(
            reason,
            Reason::HostLacks(_) | Reason::Needs(_) | Reason::NeededBy(_)
        );

        same("errno", reason.errno(), errno)?;
        same("code", reason.code(), code)?;
        holds(
            "word",
            !reason.word().is_empty() && !reason.word().contains(' '),
        )?;
        same("other", reason.other(), about_another.then_some(5))?;
        holds("no reason is outside", reason.code() != OUTSIDE)?;
    }

    Ok(())
}

/// Sets of numbers.
pub(crate) fn sets() -> Case {
    let mut set = Ids::EMPTY;

    for number in [0, 1, 63, 64, 127] {
        holds("not yet", !set.has(number))?;
        set = set.with(number);
        holds("there", set.has(number))?;
        same("only", Ids::only(number).first(), Some(number))?;
        holds("contains", set.contains(Ids::only(number)))?;
    }
    holds("beyond", !set.has(128) && !set.has(191) && !set.has(255))?;
    same("no room", set.with(128), set)?;
    holds("not all", !set.contains(Ids::only(2)))?;
    holds("not empty", !set.is_empty())?;
    for number in [0, 1, 63, 64, 127] {
        same("in order", set.pop(), Some(number))?;
    }
    same("empty", set.pop(), None)?;
    same("first of none", set.first(), None)?;

    holds("is empty", set.is_empty())
}
