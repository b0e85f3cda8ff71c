// SPDX-License-Identifier: GPL-2.0

//! What a BAR is like.

/// A BAR with memory behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    /// Reads have no side effects, and writes may be merged.
    pub(crate) prefetchable: bool,
    /// Its address has 64 bits.
    pub(crate) wide: bool,
    /// It is smaller than a page, and the rest of the page is nobody's.
    pub(crate) sub_page: bool,
    /// The MSI-X table is in it.
    pub(crate) has_msix_table: bool,
}

impl Bar {
    /// Returns whether the device promises that all of it can be used like memory.
    ///
    /// Single writes are what the specification asks for in an MSI-X table, so a BAR with one is
    /// not like memory, whatever it says of itself.
    pub(crate) const fn is_like_memory(&self) -> bool {
        self.prefetchable && !self.sub_page && !self.has_msix_table
    }
}
