// SPDX-License-Identifier: GPL-2.0

//! Inclusive ranges of I/O virtual addresses, and the granule that they are aligned to.

/// A non-empty range of addresses, both ends included.
///
/// Both ends are included because the last byte of the address space has to fit, and because the
/// wire format of virtio-iommu has it so.
///
/// # Invariants
///
/// - `start <= last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct IovaRange {
    start: u64,
    last: u64,
}

impl IovaRange {
    /// The whole address space.
    // INVARIANT: 0 is not above anything.
    pub(crate) const ALL: Self = Self {
        start: 0,
        last: u64::MAX,
    };

    /// Creates the range from `start` to `last`, or [`None`] if the ends are the wrong way round.
    pub(crate) const fn new(start: u64, last: u64) -> Option<Self> {
        if last < start {
            return None;
        }

        // INVARIANT: `start <= last` was checked.
        Some(Self { start, last })
    }

    /// Creates the range of `len` bytes at `start`, or [`None`] if it would be empty or wrap.
    pub(crate) const fn from_len(start: u64, len: u64) -> Option<Self> {
        match len.checked_sub(1) {
            Some(distance) => match start.checked_add(distance) {
                // INVARIANT: `last` is `start` plus something.
                Some(last) => Some(Self { start, last }),
                None => None,
            },
            None => None,
        }
    }

    /// Returns the first address.
    pub(crate) const fn start(self) -> u64 {
        self.start
    }

    /// Returns the last address.
    pub(crate) const fn last(self) -> u64 {
        self.last
    }

    /// Returns the number of bytes, or [`None`] for the whole address space, where it is 2^64.
    pub(crate) const fn len(self) -> Option<u64> {
        // The invariant makes this exact.
        self.last.wrapping_sub(self.start).checked_add(1)
    }

    /// Returns whether `addr` lies in the range.
    pub(crate) const fn contains(self, addr: u64) -> bool {
        self.start <= addr && addr <= self.last
    }

    /// Returns whether the two ranges share an address.
    pub(crate) const fn overlaps(self, other: Self) -> bool {
        self.start <= other.last && other.start <= self.last
    }

    /// Returns whether `next` begins right behind this range.
    pub(crate) const fn adjoins(self, next: Self) -> bool {
        match self.last.checked_add(1) {
            Some(behind) => behind == next.start,
            None => false,
        }
    }
}

/// The smallest pages that a system has are of two to the power of this many bytes.
pub(crate) const SMALLEST_SHIFT: u32 = 12;

/// The smallest size and alignment of a mapping.
///
/// # Invariants
///
/// - The value is a power of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Granule(u64);

impl Granule {
    /// Returns the smallest size in a mask of page sizes, or [`None`] if the mask is empty.
    pub(crate) const fn lowest_of(mask: u64) -> Option<Self> {
        if mask == 0 {
            return None;
        }

        // INVARIANT: exactly the lowest bit that is set remains.
        Some(Self(mask & mask.wrapping_neg()))
    }

    /// Returns the granule, or 2^`shift` bytes if that is larger.
    pub(crate) const fn or_larger(self, shift: u32) -> Self {
        let other = 1_u64.wrapping_shl(shift);

        // INVARIANT: both are powers of two.
        Self(if self.0 < other { other } else { self.0 })
    }

    /// Returns the size in bytes.
    pub(crate) const fn bytes(self) -> u64 {
        self.0
    }

    /// Returns the power of two that the size is.
    pub(crate) const fn shift(self) -> u32 {
        self.0.trailing_zeros()
    }

    /// Returns the bits of an address that lie inside one granule.
    pub(crate) const fn offset_mask(self) -> u64 {
        // By the invariant the value is not zero.
        self.0.wrapping_sub(1)
    }

    /// Returns the last aligned address that is not behind `addr`.
    pub(crate) const fn align_down(self, addr: u64) -> u64 {
        addr & !self.offset_mask()
    }

    /// Returns the first aligned address that is not before `addr`, or [`None`] if there is none.
    pub(crate) const fn align_up(self, addr: u64) -> Option<u64> {
        match addr.checked_add(self.offset_mask()) {
            Some(beyond) => Some(self.align_down(beyond)),
            None => None,
        }
    }
}
