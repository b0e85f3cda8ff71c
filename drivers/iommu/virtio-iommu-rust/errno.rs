// SPDX-License-Identifier: GPL-2.0

//! The error codes that the protocol logic hands to the kernel.

/// A kernel error, named as in `errno.h` without the `E`.
///
/// The protocol code is compiled without the `kernel` crate too, so the driver turns this into a
/// `kernel::error::Error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errno {
    /// Bad address.
    Fault,
    /// Invalid argument.
    Inval,
    /// Input or output error.
    Io,
    /// No such entry.
    NoEnt,
    /// Out of memory.
    NoMem,
    /// Not implemented.
    NoSys,
    /// Value too large.
    Overflow,
    /// Result out of range.
    Range,
}
