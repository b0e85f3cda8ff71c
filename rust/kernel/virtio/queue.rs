// SPDX-License-Identifier: GPL-2.0

//! Virtqueues that own their buffers.

use super::{
    buffer::OwnedBuffer,
    layout::BufferLayout,
    ring::{
        Completion,
        Ring, //
    },
    slots::Slot,
    virtqueue::{
        Kick,
        VirtQueue, //
    },
};
use crate::{
    prelude::*,
    sync::{
        lock::spinlock::SpinLockIrqGuard,
        Arc,
        LockClassKey,
        SpinLockIrq, //
    },
};

/// The name of a virtqueue, and the lock class of all the queues that are made with it.
///
/// Made by [`queue_name!`](super::queue_name). Each use of the macro is a lock class of its own:
/// to give a buffer to one device can mean to map it, and so to use the queue of another one.
#[derive(Clone, Copy)]
pub struct QueueName {
    name: &'static CStr,
    class: Pin<&'static LockClassKey>,
}

impl QueueName {
    #[doc(hidden)]
    pub const fn new(name: &'static CStr, class: Pin<&'static LockClassKey>) -> Self {
        Self { name, class }
    }
}

/// Names a virtqueue.
///
/// # Examples
///
/// ```
/// # use kernel::virtio;
/// let name: virtio::QueueName = virtio::queue_name!(c"request");
/// ```
#[macro_export]
macro_rules! virtio_queue_name {
    ($name:expr) => {
        $crate::virtio::QueueName::new($name, $crate::static_lock_class!())
    };
}

/// Called in hard interrupt context when the device has used buffers of a queue.
pub type Callback<T> = fn(&Queue<T>);

/// What the lock of a queue protects.
struct Inner<T> {
    ring: Ring,
    data: T,
}

/// `T` is never pinned.
impl<T> Unpin for Inner<T> {}

/// A virtqueue that owns its buffers.
///
/// What the driver submits is copied into memory of the queue, or is given to the queue for good,
/// so no buffer of a driver is ever shared with a device. All of it stays allocated until the
/// device gave it back or was reset.
///
/// A queue may live longer than its device or the driver's binding to it. All operations fail
/// then with [`ENODEV`], or do nothing.
///
/// `T` is the driver's own state, protected by the same lock.
#[pin_data]
pub struct Queue<T: Send + 'static> {
    name: &'static CStr,
    layout: BufferLayout,
    callback: Option<Callback<T>>,
    #[pin]
    inner: SpinLockIrq<Inner<T>>,
}

impl<T: Send + 'static> Queue<T> {
    pub(super) fn new(
        name: QueueName,
        layout: BufferLayout,
        data: T,
        callback: Option<Callback<T>>,
    ) -> Result<Arc<Self>> {
        if layout.descriptors() == 0 {
            return Err(EINVAL);
        }
        let QueueName { name, class } = name;
        let lock_name = name;
        let ring = Ring::new();
        Arc::pin_init(
            pin_init!(Self {
                name,
                layout,
                callback,
                inner <- SpinLockIrq::new(Inner { ring, data }, lock_name, class),
            }),
            GFP_KERNEL,
        )
    }

    /// Returns the name of the queue.
    pub fn name(&self) -> &'static CStr {
        self.name
    }

    /// Locks the queue, with local interrupts disabled.
    #[inline]
    pub fn lock(&self) -> QueueGuard<'_, T> {
        QueueGuard {
            inner: self.inner.lock(),
        }
    }

    /// Locks the queue if nobody else has it locked.
    #[must_use = "if unused, the queue will be immediately unlocked"]
    pub fn try_lock(&self) -> Option<QueueGuard<'_, T>> {
        let inner = self.inner.try_lock()?;
        Some(QueueGuard { inner })
    }
}

/// A queue as long as it is locked.
#[must_use = "the queue unlocks immediately when the guard is unused"]
pub struct QueueGuard<'a, T: Send + 'static> {
    inner: SpinLockIrqGuard<'a, Inner<T>>,
}

impl<T: Send + 'static> QueueGuard<'_, T> {
    /// Returns the driver's state.
    #[inline]
    pub fn data(&self) -> &T {
        &self.inner.data
    }

    /// Returns the driver's state.
    #[inline]
    pub fn data_mut(&mut self) -> &mut T {
        &mut self.inner.data
    }

    /// Returns the number of slots, which is zero until the queue was found.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.inner.ring.capacity()
    }

    /// Returns the number of slots that nobody uses.
    #[inline]
    pub fn free_slots(&self) -> usize {
        self.inner.ring.free_slots()
    }

    /// Returns the number of slots that the device has.
    pub fn in_flight(&self) -> usize {
        self.inner.ring.in_flight()
    }

    /// Copies `readable` into a free slot, and gives that to the device together with room for
    /// `writable_len` bytes to be written by it.
    ///
    /// They are all [`UNWRITTEN`](super::UNWRITTEN) until the device writes them: what it claims to
    /// have written is not what was in the slot before.
    ///
    /// The device learns of it with the next [`Kick`].
    ///
    /// Fails with
    /// - [`ENOSPC`] if all slots are in use or the ring is full,
    /// - [`EINVAL`] if a part is longer than the queue's layout allows, or if both are empty,
    /// - [`EBUSY`] before the device is ready, [`ENODEV`] after it is gone,
    /// - [`EIO`] if the queue is broken.
    // As `Ring::submit()`.
    #[inline(always)]
    pub fn submit(&mut self, readable: &[u8], writable_len: usize) -> Result<Slot> {
        self.inner.ring.submit(readable, writable_len)
    }

    /// Gives a buffer of its own to the device, instead of the memory of a slot.
    ///
    /// Fails like [`Self::submit`], and gives the buffer back then.
    pub fn submit_owned(&mut self, buffer: OwnedBuffer) -> Result<Slot, (Error, OwnedBuffer)> {
        self.inner.ring.submit_owned(buffer)
    }

    /// Takes the next buffer that the device has used.
    ///
    /// Returns [`None`] when there is no more. When the queue turns out to be broken, which is also
    /// what a device gets for a buffer that it did not have, the result is [`EIO`] once, and
    /// [`None`] ever after.
    ///
    /// A device can complete requests as fast as new ones are submitted: a loop that also submits
    /// needs a bound, such as [`Self::capacity`].
    #[inline]
    pub fn reap(&mut self) -> Option<Result<Completion>> {
        self.inner.ring.reap()
    }

    /// Copies what the device wrote to `dst` and returns the number of bytes.
    ///
    /// That is the smallest of the length of `dst`, of what the device says that it wrote, and of
    /// what it was allowed to write; and nothing if the completion is not good any more.
    #[inline]
    pub fn read(&self, completion: &Completion, dst: &mut [u8]) -> usize {
        self.inner.ring.read(completion, dst)
    }

    /// Returns the first bytes that the device wrote, if there are as many as [`Self::read`] could
    /// return.
    #[inline]
    pub fn read_array<const N: usize>(&self, completion: &Completion) -> Option<[u8; N]> {
        self.inner.ring.read_array(completion)
    }

    /// Takes back the buffer that was given to [`Self::submit_owned`].
    #[inline]
    pub fn take_buffer(&mut self, completion: &Completion) -> Option<OwnedBuffer> {
        self.inner.ring.take_buffer(completion)
    }

    /// Makes the slot of a completion free for the next submission.
    ///
    /// The next [`Self::reap`] and the end of the guard do the same.
    pub fn release(&mut self, completion: Completion) {
        self.inner.ring.release(completion)
    }

    /// Prepares a notification for all that was submitted.
    ///
    /// Returns [`None`] if the device does not need one now. The notification is best sent after
    /// the guard was dropped.
    #[inline]
    pub fn kick(&mut self) -> Option<Kick> {
        self.inner.ring.kick()
    }

    /// Returns whether the queue is of no use any more: broken, or without a device.
    pub fn is_broken(&self) -> bool {
        self.inner.ring.is_broken()
    }

    /// Makes the queue broken, because the driver has given up on the device.
    ///
    /// What is in flight stays with the queue until the device is reset.
    pub fn break_queue(&mut self) {
        self.inner.ring.set_broken()
    }
}

impl<T: Send + 'static> Drop for QueueGuard<'_, T> {
    fn drop(&mut self) {
        self.inner.ring.release_current();
    }
}

/// A queue of any driver, as the code that owns the virtqueues of a device sees it.
pub(super) trait AnyQueue: Send + Sync {
    /// Returns the name of the queue.
    fn name(&self) -> &'static CStr;

    /// Returns whether the driver wants to be interrupted.
    fn has_callback(&self) -> bool;

    /// Calls the driver.
    fn on_used(&self);

    /// Takes a virtqueue into use, and allocates the buffers if that was not done before.
    fn attach(&self, vq: VirtQueue) -> Result;

    /// Allows submissions.
    fn set_ready(&self);

    /// Refuses everything from now on.
    fn revoke(&self);

    /// Gives up the virtqueue, for good if `forever`, and makes all slots free.
    ///
    /// # Safety
    ///
    /// The queue must have been revoked and the device reset after that.
    unsafe fn detach(&self, forever: bool);
}

impl<T: Send + 'static> AnyQueue for Queue<T> {
    fn name(&self) -> &'static CStr {
        self.name
    }

    fn has_callback(&self) -> bool {
        self.callback.is_some()
    }

    fn on_used(&self) {
        if let Some(callback) = self.callback {
            callback(self);
        }
    }

    fn attach(&self, vq: VirtQueue) -> Result {
        let needed = self.inner.lock().ring.needs_pool();
        let pool = Ring::new_pool(self.layout, vq.ring_size(), needed)?;
        self.inner.lock().ring.attach(vq, pool);
        Ok(())
    }

    fn set_ready(&self) {
        self.inner.lock().ring.set_ready();
    }

    fn revoke(&self) {
        self.inner.lock().ring.revoke();
    }

    unsafe fn detach(&self, forever: bool) {
        let vq = self.inner.lock().ring.give_up(forever);
        if let Some(mut vq) = vq {
            // Looks at the whole ring for each buffer, so not under the lock.
            // SAFETY: By the safety requirements of this function.
            unsafe { vq.detach_unused() };
        }
        // SAFETY: As above.
        unsafe { self.inner.lock().ring.free_all() };
    }
}

#[cfg(CONFIG_RUST_VIRTIO_KUNIT_TEST)]
#[macros::kunit_tests(rust_virtio_queue)]
mod tests {
    use super::*;

    const LAYOUT: BufferLayout = BufferLayout {
        slots: 2,
        readable: 8,
        writable: 8,
    };

    fn queue() -> Result<Arc<Queue<u32>>> {
        Queue::new(crate::virtio::queue_name!(c"test"), LAYOUT, 7, None)
    }

    fn expect_unusable(queue: &Queue<u32>) -> Result {
        let mut guard = queue.lock();
        assert_eq!(guard.submit(&[1], 1).err(), Some(ENODEV));
        assert!(guard.reap().is_none());
        assert!(guard.kick().is_none());
        assert!(guard.is_broken());
        assert_eq!((guard.capacity(), guard.in_flight()), (0, 0));

        let buffer = OwnedBuffer::new(&[1], 3, GFP_ATOMIC)?;
        match guard.submit_owned(buffer) {
            Ok(_) => Err(EINVAL),
            Err((error, buffer)) => {
                assert_eq!(error, ENODEV);
                assert_eq!(buffer.writable_len(), 3);
                Ok(())
            }
        }
    }

    #[test]
    fn queues_without_a_device_refuse_everything() -> Result {
        let queue = queue()?;
        expect_unusable(&queue)?;
        queue.set_ready();
        expect_unusable(&queue)?;
        queue.revoke();
        queue.set_ready();
        expect_unusable(&queue)
    }

    #[test]
    fn data_is_kept_under_the_lock() -> Result {
        let queue = queue()?;
        {
            let mut guard = queue.lock();
            *guard.data_mut() += 1;
            assert!(queue.try_lock().is_none());
        }
        let guard = queue.try_lock().ok_or(EBUSY)?;
        assert_eq!(*guard.data(), 8);
        Ok(())
    }

    #[test]
    fn empty_buffers_are_refused() -> Result {
        let layout = BufferLayout {
            readable: 0,
            writable: 0,
            ..LAYOUT
        };
        let made = Queue::new(crate::virtio::queue_name!(c"test"), layout, 0, None);
        assert_eq!(made.err(), Some(EINVAL));
        assert_eq!(OwnedBuffer::new(&[], 0, GFP_KERNEL).err(), Some(EINVAL));
        Ok(())
    }

    #[test]
    fn reads_stay_within_the_buffer() -> Result {
        let buffer = OwnedBuffer::new(&[0xff; 5], 3, GFP_KERNEL)?;
        for (offset, wanted, expected) in [
            (0, 8, 3),
            (0, 2, 2),
            (2, 8, 1),
            (3, 8, 0),
            (usize::MAX, 8, 0),
            (0, 0, 0),
        ] {
            let mut dst = [0xaa; 8];
            let len = buffer.read(offset, dst.get_mut(..wanted).ok_or(EINVAL)?);
            assert_eq!(len, expected);
            // The part starts zeroed, and what lies beyond it is never copied.
            assert!(dst.iter().take(len).all(|byte| *byte == 0));
            assert!(dst.iter().skip(len).all(|byte| *byte == 0xaa));
        }
        Ok(())
    }

    #[test]
    fn marks_stay_within_the_buffer() -> Result {
        let mut buffer = OwnedBuffer::new(&[1; 5], 3, GFP_KERNEL)?;
        assert_eq!(buffer.mark(4), Err(EINVAL));
        for (offset, expected) in [(3, [0, 0, 0]), (2, [0, 0, 0xff]), (0, [0xff; 3])] {
            buffer.mark(offset)?;
            let mut bytes = [0xaa; 3];
            assert_eq!(buffer.read(0, &mut bytes), 3);
            assert_eq!(bytes, expected);
        }
        Ok(())
    }
}
