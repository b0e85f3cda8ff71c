// SPDX-License-Identifier: GPL-2.0

//! The types of the protocol logic as types of the kernel.

use kernel::{
    error::code,
    error::Error, //
};

use crate::errno::Errno;

/// Returns the kernel's error for `errno`.
pub(crate) fn to_error(errno: Errno) -> Error {
    match errno {
        Errno::Fault => code::EFAULT,
        Errno::Inval => code::EINVAL,
        Errno::Io => code::EIO,
        Errno::NoEnt => code::ENOENT,
        Errno::NoMem => code::ENOMEM,
        Errno::NoSys => code::ENOSYS,
        Errno::Overflow => code::EOVERFLOW,
        Errno::Range => code::ERANGE,
    }
}

/// Widens a size or an address of the kernel to one of the device.
pub(crate) const fn to_u64(value: usize) -> u64 {
    const { assert!(usize::BITS <= u64::BITS) };
    // CAST: Lossless by the assertion above.
    value as u64
}
