// SPDX-License-Identifier: GPL-2.0

//! Sizes and places of the buffers of a virtqueue.
//!
//! Like the bookkeeping of the slots, this needs nothing but [`core`].

/// How many buffers a queue owns, and how long their two parts may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferLayout {
    /// Number of buffers; zero stands for as many as the ring can hold.
    pub slots: usize,
    /// Longest part that the device reads, in bytes.
    pub readable: usize,
    /// Longest part that the device writes, in bytes.
    pub writable: usize,
}

impl BufferLayout {
    /// Returns the number of descriptors that one buffer takes when none is indirect.
    pub fn descriptors(&self) -> usize {
        usize::from(self.readable > 0) + usize::from(self.writable > 0)
    }

    /// Returns the number of buffers for a ring with `descriptors` descriptors.
    ///
    /// There is room in the ring for all of them at once, with both parts: whoever finds a free one
    /// can submit it, and whoever finds none can wait for the device to give one back. It is zero
    /// if the ring is too small for any.
    pub fn slots_for_ring(&self, descriptors: usize) -> usize {
        let fitting = descriptors / self.descriptors().max(1);
        match self.slots {
            0 => fitting,
            wanted => wanted.min(fitting),
        }
    }

    /// Computes where the parts of the buffers are, with each part starting at a multiple of
    /// `align`.
    ///
    /// Returns [`None`] if both parts are empty, if `align` is zero, or if a size overflows.
    pub fn geometry(&self, align: usize) -> Option<Geometry> {
        if align == 0 || self.descriptors() == 0 {
            return None;
        }

        let writable_at = self.readable.checked_next_multiple_of(align)?;
        let stride = writable_at.checked_add(self.writable.checked_next_multiple_of(align)?)?;
        Some(Geometry {
            readable: self.readable,
            writable: self.writable,
            writable_at,
            stride,
        })
    }
}

/// Where the parts of the buffers are, in one block of memory.
///
/// The two parts of a buffer never share a cache line: one is mapped for reading and the other
/// one for writing by the device.
///
/// # Invariants
///
/// `readable <= writable_at` and `writable_at + writable <= stride`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    readable: usize,
    writable: usize,
    writable_at: usize,
    stride: usize,
}

impl Geometry {
    /// Returns the length of the longest part that the device reads.
    #[inline]
    pub fn readable(&self) -> usize {
        self.readable
    }

    /// Returns the length of the longest part that the device writes.
    #[inline]
    pub fn writable(&self) -> usize {
        self.writable
    }

    /// Returns the size of the memory for `slots` buffers.
    pub fn total(&self, slots: usize) -> Option<usize> {
        self.stride.checked_mul(slots)
    }

    /// Returns the offset of the part of buffer `index` that the device reads.
    ///
    /// It does not overflow for a buffer that lies within [`Self::total`].
    #[inline]
    pub fn readable_at(&self, index: usize) -> usize {
        self.stride.wrapping_mul(index)
    }

    /// Returns the offset of the part of buffer `index` that the device writes.
    ///
    /// It does not overflow for a buffer that lies within [`Self::total`].
    #[inline]
    pub fn writable_at(&self, index: usize) -> usize {
        self.readable_at(index).wrapping_add(self.writable_at)
    }
}
