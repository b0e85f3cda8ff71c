// SPDX-License-Identifier: GPL-2.0

//! Indices that a processor cannot speculate beyond.
//!
//! A comparison alone does not help: the processor guesses how it ends and goes on with an index
//! of user space's choice. What it then reads leaves traces in the caches.
//!
//! C header: [`include/linux/nospec.h`](srctree/include/linux/nospec.h)

use core::arch::asm;

/// Returns `index` if it is less than `len`, and zero otherwise, without a branch.
///
/// `len` must not be zero, and not be above [`isize::MAX`].
#[inline(always)]
pub(crate) fn clamp(index: usize, len: usize) -> usize {
    let mut hidden = index;

    // SAFETY: There is no instruction in the block. It keeps the compiler from using what it knows
    // of `index` after a comparison.
    unsafe {
        asm!(
            "/* {0} */",
            inout(reg) hidden,
            options(pure, nomem, nostack, preserves_flags)
        );
    }

    // The highest bit is set in one of these if and only if the index is out of range.
    let beyond = hidden | len.wrapping_sub(1).wrapping_sub(hidden);
    let mask = (beyond >> (usize::BITS - 1)).wrapping_sub(1);

    hidden & mask
}
