// SPDX-License-Identifier: GPL-2.0

//! The device's side of a split virtqueue.

use crate::{
    bindings,
    error::to_result,
    prelude::*,
    types::Opaque,
    virtio::buffer::Part, //
};
use core::{
    mem::offset_of,
    ptr::{
        addr_of_mut,
        NonNull, //
    },
};

/// Number of descriptors.
pub const RING_SIZE: u16 = 16;

/// A split virtqueue, as the specification lays it out for [`RING_SIZE`] descriptors.
#[repr(C, align(128))]
pub(super) struct SplitRing {
    descriptors: [bindings::vring_desc; 16],
    available: [u16; 19],
    padding: [u16; 45],
    used: [u32; 34],
}

static_assert!(size_of::<[bindings::vring_desc; 16]>() == 256);
static_assert!(offset_of!(SplitRing, used) == 256 + align_of::<SplitRing>());

impl SplitRing {
    pub(super) fn zeroed() -> impl PinInit<Opaque<Self>> {
        Opaque::ffi_init(|ring: *mut Self| {
            // SAFETY: `ring` is valid for writes.
            unsafe { ring.write_bytes(0, 1) }
        })
    }
}

/// A buffer that the driver made available: first a part to read, then a part to write.
///
/// It is of no use any more once its head was completed, by whichever call.
pub struct Chain {
    head: u16,
}

impl Chain {
    /// The number of its first descriptor, by which the device gives it back.
    pub fn head(&self) -> u16 {
        self.head
    }
}

/// The parts of a buffer that the device has.
#[derive(Clone, Copy)]
struct Held {
    readable: Part,
    writable: Part,
}

/// The device's side of a virtqueue.
///
/// # Invariants
///
/// - The pointers in `vringh` are those of a ring that is valid as long as this object.
/// - The parts in `held` are in flight: the driver gave them to the device and, since the device
///   has put nothing into the used ring that could stand for them, has not got them back.
pub struct DeviceRing {
    vringh: bindings::vringh,
    held: [Option<Held>; 16],
    /// The device has lied about buffers that it did not have, so nothing that it finds in the
    /// ring can be relied on any more.
    mute: bool,
}

// SAFETY: The pointers are bound to no thread.
unsafe impl Send for DeviceRing {}

/// One entry for the parts that a driver of this crate makes at most, and none to allocate more.
struct Parts {
    entry: bindings::kvec,
    iov: bindings::vringh_kiov,
}

impl Parts {
    fn new() -> Self {
        Self {
            entry: pin_init::zeroed(),
            iov: pin_init::zeroed(),
        }
    }

    /// Returns the parts as C wants them, as long as `self` stays where it is.
    fn as_raw(&mut self) -> *mut bindings::vringh_kiov {
        self.iov.iov = &raw mut self.entry;
        self.iov.max_num = 1;
        &raw mut self.iov
    }

    /// Returns the one part that was found; an empty one if there was none.
    fn part(&self) -> Option<Part> {
        let empty = Part {
            start: NonNull::dangling(),
            len: 0,
        };
        match self.iov.used {
            0 => Some(empty),
            1 => {
                let address = bindings::phys_addr_t::try_from(self.entry.iov_base.addr()).ok()?;
                // SAFETY: The address is one of memory in the linear map: that is where the buffers
                // of a queue are, and without an IOMMU a ring has their physical addresses.
                let start = unsafe { bindings::phys_to_virt(address) };
                Some(Part {
                    start: NonNull::new(start.cast())?,
                    len: self.entry.iov_len,
                })
            }
            _ => None,
        }
    }
}

impl DeviceRing {
    /// Creates the device's side of `ring`.
    ///
    /// # Safety
    ///
    /// `ring` must be valid as long as the object, and its other side a
    /// [`Queue`](crate::virtio::Queue) that has given nothing to a device yet.
    pub(super) unsafe fn new(ring: *mut SplitRing) -> Result<Self> {
        let mut vringh: bindings::vringh = pin_init::zeroed();
        // SAFETY: `vringh` is valid for writes. By the safety requirements `ring` is valid; it is
        // laid out for `RING_SIZE` descriptors.
        to_result(unsafe {
            bindings::vringh_init_kern(
                &mut vringh,
                1 << bindings::VIRTIO_F_VERSION_1,
                u32::from(RING_SIZE),
                true,
                addr_of_mut!((*ring).descriptors).cast(),
                addr_of_mut!((*ring).available).cast(),
                addr_of_mut!((*ring).used).cast(),
            )
        })?;
        // INVARIANT: By the safety requirements; nothing is held.
        Ok(Self {
            vringh,
            held: [None; 16],
            mute: false,
        })
    }

    /// Takes the next buffer that the driver made available.
    pub fn next(&mut self) -> Option<Chain> {
        if self.mute {
            return None;
        }
        let (mut readable, mut writable) = (Parts::new(), Parts::new());
        let mut head = 0;
        // SAFETY: By the type invariants the ring is valid; the parts are valid during the call.
        let found = unsafe {
            bindings::vringh_getdesc_kern(
                &mut self.vringh,
                readable.as_raw(),
                writable.as_raw(),
                &mut head,
                0,
            )
        };
        if found != 1 {
            return None;
        }
        let held = Held {
            readable: readable.part()?,
            writable: writable.part()?,
        };
        // INVARIANT: The driver has just given it to the device. It cannot have got it back, since
        // nothing but true completions was put into the used ring.
        *self.held.get_mut(usize::from(head))? = Some(held);
        Some(Chain { head })
    }

    fn held(&self, chain: &Chain) -> Option<Held> {
        *self.held.get(usize::from(chain.head))?
    }

    /// Copies from the part that the device reads, and returns the number of bytes.
    pub fn read(&self, chain: &Chain, dst: &mut [u8]) -> usize {
        let Some(Held { readable, .. }) = self.held(chain) else {
            return 0;
        };
        let len = readable.len.min(dst.len());
        // SAFETY: By the type invariants the part is in flight, so it is valid and nobody writes to
        // it; `dst` is valid for `len` bytes and no part of it.
        unsafe {
            readable
                .start
                .copy_to_nonoverlapping(NonNull::from(dst).cast(), len)
        };
        len
    }

    /// Returns the length of the part that the device writes.
    pub fn writable_len(&self, chain: &Chain) -> usize {
        self.held(chain).map_or(0, |held| held.writable.len)
    }

    /// Copies to the part that the device writes, from `offset` on, and returns the number of
    /// bytes.
    pub fn write(&mut self, chain: &Chain, offset: usize, src: &[u8]) -> usize {
        let Some(Held { writable, .. }) = self.held(chain) else {
            return 0;
        };
        let len = writable.len.saturating_sub(offset).min(src.len());
        if len == 0 {
            return 0;
        }
        // SAFETY: `offset + len` is not larger than the length of the part. By the type invariants
        // that is in flight, so it is valid and nobody else accesses it; `src` is no part of it.
        unsafe {
            writable
                .start
                .add(offset)
                .copy_from_nonoverlapping(NonNull::from(src).cast(), len)
        };
        len
    }

    /// Gives a buffer back and says that the device wrote `used_len` bytes, true or not.
    pub fn complete(&mut self, chain: Chain, used_len: u32) {
        if self.held(&chain).is_some() {
            self.forge(chain.head, used_len);
        }
    }

    /// Gives back whatever buffer `head` stands for, be it one that the device does not have.
    ///
    /// In that case this is the last that is heard of the device.
    pub fn forge(&mut self, head: u16, used_len: u32) {
        let held = self.held.get_mut(usize::from(head)).and_then(Option::take);
        if held.is_none() {
            self.silence();
        }
        // INVARIANT: The buffer that this stands for is no longer in `held`, nor is any if it is
        // not known which one that is.
        // SAFETY: By the type invariants the ring is valid.
        unsafe { bindings::vringh_complete_kern(&mut self.vringh, head, used_len) };
    }

    /// Lets the used index run ahead, over `count` entries that were never written.
    ///
    /// This is the last that is heard of the device.
    pub fn run_ahead(&mut self, count: u16) {
        // INVARIANT: The entries could stand for any buffer, and none is in `held`.
        self.silence();
        let index = &mut self.vringh.last_used_idx;
        *index = index.wrapping_add(count.saturating_sub(1));
        // SAFETY: By the type invariants the ring is valid.
        unsafe { bindings::vringh_complete_kern(&mut self.vringh, 0, 0) };
    }

    fn silence(&mut self) {
        self.mute = true;
        self.held = [None; 16];
    }
}
