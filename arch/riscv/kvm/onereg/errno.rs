// SPDX-License-Identifier: GPL-2.0

//! The errors that user space gets to see.

/// An error number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errno {
    /// There is no such register.
    NoEnt,
    /// The size or the value is wrong.
    Inval,
    /// It is too late.
    Busy,
}

/// Why a register was not read or written, or an extension not changed.
///
/// User space sees the [`Errno`] of it. The trace event and the table in debugfs show all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The type in the id is none.
    UnknownType,
    /// The size in the id is not that of the register.
    WrongSize,
    /// There is no register of this number.
    UnknownRegister,
    /// The host does not have the extension.
    NotOnHost,
    /// The vCPU has run.
    HasRun,
    /// The value is none that the register can have.
    BadValue,
    /// No guest gets the extension.
    NotOffered,
    /// The host lacks another extension, without which this one cannot be changed so.
    HostLacks(u8),
    /// The caller may not use vector instructions itself.
    NoVector,
    /// Nothing would be different for the guest.
    NoMechanism,
    /// The mechanism is used by KVM itself.
    InUse,
    /// Only with the strict rules.
    NotStrict,
    /// The guest would lack this extension, which it needs.
    Needs(u8),
    /// The guest has this extension, which could not be without and cannot be taken away.
    NeededBy(u8),
}

/// A number for the trace event beside those of [`Reason::code`]: the error comes from the C code,
/// or from user memory.
pub(crate) const OUTSIDE: u8 = 14;

impl Reason {
    /// Returns what user space is told.
    pub(crate) const fn errno(self) -> Errno {
        match self {
            Self::UnknownType | Self::UnknownRegister | Self::NotOnHost => Errno::NoEnt,
            Self::HasRun => Errno::Busy,
            Self::WrongSize
            | Self::BadValue
            | Self::NotOffered
            | Self::HostLacks(_)
            | Self::NoVector
            | Self::NoMechanism
            | Self::InUse
            | Self::NotStrict
            | Self::Needs(_)
            | Self::NeededBy(_) => Errno::Inval,
        }
    }

    /// Returns a number for the trace event, where the names stand: `trace_onereg.h`.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::UnknownType => 0,
            Self::WrongSize => 1,
            Self::UnknownRegister => 2,
            Self::NotOnHost => 3,
            Self::HasRun => 4,
            Self::BadValue => 5,
            Self::NotOffered => 6,
            Self::HostLacks(_) => 7,
            Self::NoVector => 8,
            Self::NoMechanism => 9,
            Self::InUse => 10,
            Self::NotStrict => 11,
            Self::Needs(_) => 12,
            Self::NeededBy(_) => 13,
        }
    }

    /// Returns a word for the table in debugfs.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::UnknownType => "unknown-type",
            Self::WrongSize => "wrong-size",
            Self::UnknownRegister => "unknown-register",
            Self::NotOnHost => "not-on-host",
            Self::HasRun => "has-run",
            Self::BadValue => "bad-value",
            Self::NotOffered => "not-offered",
            Self::HostLacks(_) => "host-lacks",
            Self::NoVector => "no-vector",
            Self::NoMechanism => "no-mechanism",
            Self::InUse => "in-use",
            Self::NotStrict => "strict-only",
            Self::Needs(_) => "needs",
            Self::NeededBy(_) => "needed-by",
        }
    }

    /// Returns the number of the other extension that is in the way.
    pub(crate) const fn other(self) -> Option<u8> {
        match self {
            Self::HostLacks(id) | Self::Needs(id) | Self::NeededBy(id) => Some(id),
            _ => None,
        }
    }
}
