// SPDX-License-Identifier: GPL-2.0

//! The virtqueues of the C side.
//!
//! C header: [`include/linux/virtio.h`](srctree/include/linux/virtio.h)

use super::buffer::Part;
use crate::{
    alloc::flags,
    bindings,
    error::to_result,
    interrupt::{
        local_interrupt_disable,
        LocalInterruptDisabled, //
    },
    prelude::*,
    sync::rcu, //
};
use core::ptr::{
    null_mut,
    without_provenance_mut,
    NonNull, //
};

/// How much of the two parts of a buffer is used.
#[derive(Clone, Copy)]
pub(super) struct Lens {
    pub(super) readable: u32,
    pub(super) writable: u32,
}

/// The two parts of a buffer, as a virtqueue wants to be told where they are.
///
/// To make them costs more than the rest of a submission, so they are kept.
pub(super) struct Lists([bindings::scatterlist; 2]);

impl Lists {
    /// Makes the lists for the two parts of a buffer, one of which may be empty.
    pub(super) fn new(readable: Part, writable: Part) -> Result<Self> {
        let mut entries: [bindings::scatterlist; 2] = pin_init::zeroed();
        for (entry, part) in entries.iter_mut().zip([readable, writable]) {
            let len = u32::try_from(part.len).map_err(|_| EINVAL)?;
            if len > 0 {
                // SAFETY: `entry` is valid for writes, and a part is in the linear map.
                unsafe { bindings::sg_init_one(entry, part.start.as_ptr().cast(), len) };
            }
        }
        Ok(Self(entries))
    }
}

/// A virtqueue of the C side.
///
/// # Invariants
///
/// The pointer is valid: an object of this type exists only between the creation of the virtqueues
/// of the device and [`Ring::detach`](super::ring::Ring::detach), which comes before their deletion.
pub(super) struct VirtQueue(NonNull<bindings::virtqueue>);

// SAFETY: A virtqueue is bound to no thread.
unsafe impl Send for VirtQueue {}

impl VirtQueue {
    /// Wraps a virtqueue.
    ///
    /// # Safety
    ///
    /// `vq` must be valid until the object is dropped, and the operations on it must be left to
    /// the object.
    pub(super) unsafe fn new(vq: NonNull<bindings::virtqueue>) -> Self {
        // INVARIANT: By the safety requirements.
        Self(vq)
    }

    /// Returns the number of descriptors in the ring.
    pub(super) fn ring_size(&self) -> usize {
        // SAFETY: By the type invariants, the virtqueue is valid.
        let size = unsafe { bindings::virtqueue_get_vring_size(self.0.as_ptr()) };
        usize::try_from(size).unwrap_or(usize::MAX)
    }

    /// Returns whether the virtqueue is of no use any more.
    #[inline]
    pub(super) fn is_broken(&self) -> bool {
        // SAFETY: By the type invariants, the virtqueue is valid.
        unsafe { bindings::virtqueue_is_broken(self.0.as_ptr()) }
    }

    /// Makes the virtqueue broken.
    pub(super) fn set_broken(&mut self) {
        // SAFETY: By the type invariants, the virtqueue is valid.
        unsafe { bindings::__virtqueue_break(self.0.as_ptr()) }
    }

    /// Gives a buffer to the device: the first bytes of both parts, as many as `lens` says.
    ///
    /// # Safety
    ///
    /// Both parts must be as long as `lens` says, and be in the linear map. They must stay allocated
    /// and untouched until [`Self::get`] returned `token` or the device was reset.
    #[inline]
    pub(super) unsafe fn add(&mut self, lists: &mut Lists, lens: Lens, token: usize) -> Result {
        let Lists([readable, writable]) = lists;
        readable.length = lens.readable;
        writable.length = lens.writable;
        let mut lists: [*mut bindings::scatterlist; 2] = match lens {
            Lens { readable: 0, .. } => [writable, null_mut()],
            _ => [readable, writable],
        };

        // SAFETY:
        // - By the type invariants, the virtqueue is valid; `&mut self` serialises the calls.
        // - There are as many lists of one entry as are announced, the readable one first, and they
        //   are only used during the call.
        // - The buffers stay as they are by the safety requirements of this function.
        to_result(unsafe {
            bindings::virtqueue_add_sgs(
                self.0.as_ptr(),
                lists.as_mut_ptr(),
                u32::from(lens.readable > 0),
                u32::from(lens.writable > 0),
                without_provenance_mut(token),
                flags::GFP_ATOMIC.as_raw(),
            )
        })
    }

    /// Takes a buffer back from the device: its token, and how many bytes the device says that it
    /// wrote.
    #[inline]
    pub(super) fn get(&mut self) -> Option<(usize, usize)> {
        let mut len: c_uint = 0;
        // SAFETY: By the type invariants, the virtqueue is valid; `&mut self` serialises the calls,
        // and `len` is valid for writes.
        let token = unsafe { bindings::virtqueue_get_buf(self.0.as_ptr(), &mut len) };
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        (!token.is_null()).then(|| (token.addr(), len))
    }

    /// Takes all buffers back, so that they are no longer mapped for the device.
    ///
    /// # Safety
    ///
    /// The device must have been reset since the last buffer was added.
    pub(super) unsafe fn detach_unused(&mut self) {
        for _ in 0..self.ring_size() {
            // SAFETY: By the type invariants, the virtqueue is valid; the device does not use it by
            // the safety requirements.
            let token = unsafe { bindings::virtqueue_detach_unused_buf(self.0.as_ptr()) };
            if token.is_null() {
                return;
            }
        }
    }

    /// Returns the notification for all that was added since the last one, if the device wants one.
    ///
    /// Whoever deletes the virtqueue must wait for an RCU grace period after this object is gone.
    #[inline]
    pub(super) fn kick(&mut self) -> Option<Kick> {
        // SAFETY: By the type invariants, the virtqueue is valid; `&mut self` serialises the calls.
        if !unsafe { bindings::virtqueue_kick_prepare(self.0.as_ptr()) } {
            return None;
        }
        // INVARIANT: The virtqueue is valid now, and is deleted only after a grace period.
        Some(Kick {
            vq: self.0,
            _rcu: rcu::read_lock(),
            _irq: local_interrupt_disable(),
        })
    }
}

/// A notification that the device is still owed.
///
/// It is to be sent after the queue was unlocked, since a notification takes long: on most
/// machines the whole virtual CPU is stopped for it. Until then the device is owed a notification
/// that later submissions rely on and do not send again. So the current CPU must get to
/// [`Kick::notify`] whatever happens: its interrupts stay disabled, or a handler that waits for the
/// device would wait for the very CPU that it interrupted. Do not sleep in between.
///
/// # Invariants
///
/// `vq` was valid when `_rcu` was taken; a virtqueue is deleted only after an RCU grace period.
#[must_use = "the device does not look at the queue before it is notified"]
pub struct Kick {
    vq: NonNull<bindings::virtqueue>,
    _rcu: rcu::Guard,
    _irq: LocalInterruptDisabled,
}

impl Kick {
    /// Notifies the device, as dropping the object does.
    ///
    /// A failure makes the queue broken, which the next operation on it reports.
    pub fn notify(self) {}
}

impl Drop for Kick {
    fn drop(&mut self) {
        // SAFETY: By the type invariants, the virtqueue is valid as long as `self._rcu` exists.
        // A notification needs no serialisation with other operations.
        unsafe { bindings::virtqueue_notify(self.vq.as_ptr()) };
    }
}
