// SPDX-License-Identifier: GPL-2.0

//! Memory that is shared with a virtio device.

use super::{
    layout::{
        BufferLayout,
        Geometry, //
    },
    virtqueue::{
        Lens,
        Lists, //
    }, //
};
use crate::{
    alloc::{
        allocator::Kmalloc,
        Allocator,
        Flags,
        NumaNode, //
    },
    bindings,
    prelude::*, //
};
use core::{
    alloc::Layout,
    ptr::NonNull, //
};

/// What is in the part of a buffer that a device writes, as long as it has not written there.
pub const UNWRITTEN: u8 = 0xff;

/// Returns the alignment at which two DMA buffers do not disturb each other.
fn dma_alignment() -> usize {
    // SAFETY: An FFI call with no requirements.
    unsafe { bindings::virtio_dma_alignment() }
}

/// One part of a buffer: where it is and how long.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) start: NonNull<u8>,
    pub(super) len: usize,
}

/// Memory for a number of equal buffers, in the linear map.
///
/// The device may write to it at any time that one of the buffers is in flight, so it is only
/// ever copied from and to; no reference to its contents is made.
///
/// # Invariants
///
/// - `memory` was allocated by [`Kmalloc`] with `layout` and is valid for `layout.size()` bytes.
/// - `layout.size()` is `geometry.total(slots)`.
pub(super) struct BufferMemory {
    memory: NonNull<u8>,
    layout: Layout,
    geometry: Geometry,
    slots: usize,
}

// SAFETY: The memory belongs to this object alone, and can be freed from any thread.
unsafe impl Send for BufferMemory {}

// SAFETY: A shared reference only allows to copy out of the memory.
unsafe impl Sync for BufferMemory {}

impl BufferMemory {
    /// Allocates `slots` zeroed buffers.
    pub(super) fn new(buffers: BufferLayout, slots: usize, flags: Flags) -> Result<Self> {
        let align = dma_alignment();
        let geometry = buffers.geometry(align).ok_or(EINVAL)?;
        let size = geometry.total(slots).ok_or(EINVAL)?;
        if size == 0 {
            return Err(EINVAL);
        }
        let layout = Layout::from_size_align(size, align).map_err(|_| EINVAL)?;

        let memory = Kmalloc::alloc(layout, flags | __GFP_ZERO, NumaNode::NO_NODE)?;

        // INVARIANT: `memory` was just allocated with `layout`, whose size is that of `slots`
        // buffers.
        Ok(Self {
            memory: memory.cast(),
            layout,
            geometry,
            slots,
        })
    }

    /// Returns the first `len` bytes of what the device reads of buffer `index`.
    #[inline]
    fn readable(&self, index: usize, len: usize) -> Result<Part> {
        if index >= self.slots || len > self.geometry.readable() {
            return Err(EINVAL);
        }
        // SAFETY: `index < self.slots`, so by the type invariants the offset lies within the
        // allocation.
        let start = unsafe { self.memory.add(self.geometry.readable_at(index)) };
        Ok(Part { start, len })
    }

    /// Returns the first `len` bytes of what the device writes of buffer `index`.
    #[inline]
    fn writable(&self, index: usize, len: usize) -> Result<Part> {
        if index >= self.slots || len > self.geometry.writable() {
            return Err(EINVAL);
        }
        // SAFETY: `index < self.slots`, so by the type invariants the offset lies within the
        // allocation.
        let start = unsafe { self.memory.add(self.geometry.writable_at(index)) };
        Ok(Part { start, len })
    }

    /// Returns where both parts of buffer `index` are.
    pub(super) fn lists(&self, index: usize) -> Result<Lists> {
        Lists::new(
            self.readable(index, self.geometry.readable())?,
            self.writable(index, self.geometry.writable())?,
        )
    }

    /// Returns how much of the parts of a buffer is used, if they are so long.
    #[inline]
    pub(super) fn lens(&self, readable: usize, writable: usize) -> Result<Lens> {
        if readable > self.geometry.readable() || writable > self.geometry.writable() {
            return Err(EINVAL);
        }
        Ok(Lens {
            readable: u32::try_from(readable)?,
            writable: u32::try_from(writable)?,
        })
    }

    /// Copies `bytes` to what the device reads of buffer `index`.
    // As `Ring::submit()`.
    #[inline(always)]
    pub(super) fn fill(&mut self, index: usize, bytes: &[u8]) -> Result {
        let part = self.readable(index, bytes.len())?;
        // SAFETY: `bytes` is valid for reads and, as `readable()` checked, the part is valid for
        // writes of the same length. They do not overlap since no reference to the memory exists.
        unsafe {
            part.start
                .copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len())
        };
        Ok(())
    }

    /// Copies the first bytes of what the device wrote to buffer `index`, if the part is so long.
    #[inline]
    pub(super) fn read_array<const N: usize>(&self, index: usize) -> Option<[u8; N]> {
        let part = self.writable(index, N).ok()?;
        // SAFETY: As `writable()` checked, the part is valid for reads of `N` bytes.
        Some(unsafe { part.start.cast::<[u8; N]>().read() })
    }

    /// Fills what the device writes of buffer `index`, from `offset` up to `len`, with [`UNWRITTEN`].
    #[inline]
    pub(super) fn mark(&mut self, index: usize, offset: usize, len: usize) -> Result {
        let part = self.writable(index, len)?;
        let count = len.checked_sub(offset).ok_or(EINVAL)?;
        // SAFETY: As `writable()` checked, the part is valid for writes of `len` bytes, and `offset`
        // is not more than that.
        let start = unsafe { part.start.add(offset) };
        // SAFETY: By the same reason there are `count` bytes from there on. No reference to the
        // memory exists.
        unsafe { start.write_bytes(UNWRITTEN, count) };
        Ok(())
    }

    /// Copies what the device wrote to buffer `index`, from `offset` on, and returns the number of
    /// bytes, which is smaller than `dst` if the part ends before.
    pub(super) fn read(&self, index: usize, offset: usize, dst: &mut [u8]) -> usize {
        let len = self
            .geometry
            .writable()
            .saturating_sub(offset)
            .min(dst.len());
        let Ok(part) = self.writable(index, self.geometry.writable()) else {
            return 0;
        };
        if len == 0 {
            return 0;
        }
        // SAFETY: `offset + len` is not larger than the length of the part, so the source is valid
        // for reads of `len` bytes; `dst` is valid for writes of as many. They do not overlap since
        // no reference to the memory exists.
        unsafe {
            NonNull::from(dst)
                .cast::<u8>()
                .copy_from_nonoverlapping(part.start.add(offset), len)
        };
        len
    }
}

impl Drop for BufferMemory {
    fn drop(&mut self) {
        // SAFETY: By the type invariants, `memory` was allocated by `Kmalloc` with this layout, and
        // nobody else frees it.
        unsafe { Kmalloc::free(self.memory, self.layout) };
    }
}

/// A buffer of its own, for a request that does not fit into the slots of a queue.
///
/// It belongs to the queue from its submission until the device gave it back.
pub struct OwnedBuffer {
    memory: BufferMemory,
    readable: usize,
    writable: usize,
}

impl OwnedBuffer {
    /// Makes a buffer with `readable` in the part that the device reads, and room for
    /// `writable_len` zeroed bytes in the part that it writes.
    pub fn new(readable: &[u8], writable_len: usize, flags: Flags) -> Result<Self> {
        let layout = BufferLayout {
            slots: 1,
            readable: readable.len(),
            writable: writable_len,
        };
        let mut memory = BufferMemory::new(layout, 1, flags)?;
        memory.fill(0, readable)?;
        Ok(Self {
            memory,
            readable: readable.len(),
            writable: writable_len,
        })
    }

    /// Fills the part that the device writes, from `offset` on, with [`UNWRITTEN`].
    pub fn mark(&mut self, offset: usize) -> Result {
        self.memory.mark(0, offset, self.writable)
    }

    /// Returns the length of the part that the device writes.
    pub fn writable_len(&self) -> usize {
        self.writable
    }

    /// Copies from the part that the device writes, from `offset` on, and returns the number of
    /// bytes, which is smaller than `dst` if the part ends before.
    pub fn read(&self, offset: usize, dst: &mut [u8]) -> usize {
        self.memory.read(0, offset, dst)
    }

    /// Copies the first bytes of the part that the device writes, if it is so long.
    #[inline]
    pub(super) fn read_array<const N: usize>(&self) -> Option<[u8; N]> {
        self.memory.read_array(0)
    }

    /// Returns where both parts of the buffer are, and how long.
    pub(super) fn lists(&self) -> Result<(Lists, Lens)> {
        let lens = self.memory.lens(self.readable, self.writable)?;
        Ok((self.memory.lists(0)?, lens))
    }
}
