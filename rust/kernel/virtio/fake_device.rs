// SPDX-License-Identifier: GPL-2.0

//! Tests of the queues against a device that does as it is told, right or wrong.
//!
//! The driver's side of the ring is the one of the C portion of the kernel; the device's side is
//! written by the tests.

use super::{
    device::Device,
    layout::BufferLayout,
    queue::{
        AnyQueue,
        Queue, //
    },
    virtqueue::VirtQueue, //
};
use crate::{
    bindings,
    device::Bound,
    prelude::*,
    static_lock_class,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
    types::Opaque, //
};
use core::{
    mem::offset_of,
    ptr::{
        addr_of_mut,
        NonNull, //
    },
};

/// Number of descriptors, two for each request.
const RING_SIZE: u16 = 4;

/// A split virtqueue, as the specification lays it out for [`RING_SIZE`] descriptors.
#[repr(C, align(128))]
struct SplitRing {
    descriptors: [[u8; 16]; 4],
    available: [u16; 7],
    padding: [u16; 25],
    used_flags: u16,
    used_index: u16,
    used: [[u32; 2]; 4],
}

static_assert!(offset_of!(SplitRing, used_flags) == align_of::<SplitRing>());

/// A virtio device without a transport, and one of its queues.
struct FakeDevice {
    queue: Arc<Queue<()>>,
    vq: NonNull<bindings::virtqueue>,
    vdev: Pin<KBox<Opaque<bindings::virtio_device>>>,
    ring: Pin<KBox<Opaque<SplitRing>>>,
}

fn new_vdev() -> Result<Pin<KBox<Opaque<bindings::virtio_device>>>> {
    let init = Opaque::ffi_init(|vdev: *mut bindings::virtio_device| {
        // SAFETY: `vdev` is valid for writes, and all-zeroes is what C code starts with.
        unsafe { vdev.write_bytes(0, 1) };
        // SAFETY: `vdev` is valid, and lock, name and key live as long as needed.
        unsafe {
            bindings::__spin_lock_init(
                addr_of_mut!((*vdev).vqs_list_lock),
                c"fake_vqs_list_lock".as_char_ptr(),
                static_lock_class!().as_ptr(),
            )
        };
        // SAFETY: `vdev` is valid, and the list is not in use.
        unsafe {
            (*vdev).vqs.next = addr_of_mut!((*vdev).vqs);
            (*vdev).vqs.prev = addr_of_mut!((*vdev).vqs);
            // The only feature: the ring is little endian.
            (*vdev).__bindgen_anon_1.features = 1 << bindings::VIRTIO_F_VERSION_1;
        };
    });
    KBox::pin_init(init, GFP_KERNEL)
}

/// Counts the notifications in a field of the device that nobody else uses here.
///
/// # Safety
///
/// `vq` must be a virtqueue of a [`FakeDevice`], all of which is used by one thread only.
unsafe extern "C" fn notified(vq: *mut bindings::virtqueue) -> bool {
    // SAFETY: By the safety requirements, virtqueue and device are valid, and nobody else accesses
    // the field meanwhile.
    unsafe { (*(*vq).vdev).index += 1 };
    true
}

impl FakeDevice {
    fn new(readable: usize, writable: usize) -> Result<Self> {
        let layout = BufferLayout {
            slots: 0,
            readable,
            writable,
        };
        let queue = Queue::new(crate::virtio::queue_name!(c"fake"), layout, (), None)?;
        let vdev = new_vdev()?;
        let init = Opaque::ffi_init(|ring: *mut SplitRing| {
            // SAFETY: `ring` is valid for writes.
            unsafe { ring.write_bytes(0, 1) }
        });
        let ring = KBox::pin_init(init, GFP_KERNEL)?;

        // SAFETY: Device and ring are valid until the virtqueue is deleted, and the ring is as
        // large as the arguments say.
        let vq = unsafe {
            bindings::vring_new_virtqueue(
                0,
                u32::from(RING_SIZE),
                u32::try_from(align_of::<SplitRing>())?,
                vdev.get(),
                true,
                false,
                ring.get().cast(),
                Some(notified),
                None,
                c"fake".as_char_ptr(),
            )
        };
        let vq = NonNull::new(vq).ok_or(ENOMEM)?;
        let device = Self {
            queue,
            vq,
            vdev,
            ring,
        };
        device.attach()?;
        Ok(device)
    }

    fn attach(&self) -> Result {
        // SAFETY: The queue has no virtqueue: it was just created, or gave it up. The virtqueue is
        // deleted after the queue gave it up, and nobody else uses it.
        self.queue.attach(unsafe { VirtQueue::new(self.vq) })
    }

    fn detach(&self, forever: bool) {
        self.queue.revoke();
        // SAFETY: The queue was revoked, and a device that does nothing by itself is as good as
        // reset.
        unsafe { self.queue.detach(forever) };
    }

    fn new_ready(readable: usize, writable: usize) -> Result<Self> {
        let device = Self::new(readable, writable)?;
        // SAFETY: The virtqueue is valid. Some kernels create it broken.
        unsafe { bindings::__virtqueue_unbreak(device.vq.as_ptr()) };
        device.queue.set_ready();
        Ok(device)
    }

    fn notifications(&self) -> c_int {
        // SAFETY: The device is valid.
        unsafe { (*self.vdev.get()).index }
    }

    /// Returns the head of the buffer that was made available as number `index`.
    fn available(&self, index: usize) -> Result<u32> {
        // SAFETY: The ring is valid, and nobody else accesses it meanwhile.
        let available = unsafe { (*self.ring.get()).available };
        let head = available.get(2 + index).ok_or(EINVAL)?;
        Ok(u32::from(u16::from_le(*head)))
    }

    /// Puts an element into the used ring.
    fn put_used(&self, head: u32, len: u32) -> Result {
        let ring = self.ring.get();
        // SAFETY: The ring is valid, and nobody else accesses it meanwhile.
        let index = u16::from_le(unsafe { (*ring).used_index });
        // SAFETY: As above.
        let used = unsafe { &mut (*ring).used };
        *used.get_mut(usize::from(index % RING_SIZE)).ok_or(EINVAL)? = [head.to_le(), len.to_le()];
        // SAFETY: As above.
        unsafe { (*ring).used_index = index.wrapping_add(1).to_le() };
        Ok(())
    }
}

/// How often [`config_read`] was called.
static READS: Atomic<u32> = Atomic::new(0);

/// A transport that has room for whatever is read.
///
/// # Safety
///
/// `buf` must be valid for writes of `len` bytes.
unsafe extern "C" fn config_read(
    _vdev: *mut bindings::virtio_device,
    _offset: c_uint,
    buf: *mut c_void,
    len: c_uint,
) {
    READS.fetch_add(1, Relaxed);
    for index in 0..len {
        // SAFETY: By the safety requirements, as `index` is less than `len`.
        unsafe { buf.cast::<u8>().wrapping_add(index as usize).write(0x5a) };
    }
}

/// Runs `call` on a device whose transport has `ops`.
fn with_config<R>(
    ops: &bindings::virtio_config_ops,
    call: impl FnOnce(&Device<Bound>) -> Result<R>,
) -> Result<R> {
    let vdev = new_vdev()?;
    // SAFETY: The device is valid, and nobody else looks at it.
    unsafe { (*vdev.get()).config = ops };
    // SAFETY: The device is valid, and `Device` is a transparent wrapper. Only its configuration is
    // looked at, which a bound device does not differ in.
    call(unsafe { &*vdev.get().cast::<Device<Bound>>() })
}

impl Drop for FakeDevice {
    fn drop(&mut self) {
        self.detach(true);
        // SAFETY: The virtqueue is valid and not used any more.
        unsafe { bindings::vring_del_virtqueue(self.vq.as_ptr()) };
    }
}

#[macros::kunit_tests(rust_virtio_fake_device)]
mod tests {
    use super::*;
    use crate::virtio::{
        Kick,
        OwnedBuffer, //
    };

    #[test]
    fn requests_complete_in_any_order() -> Result {
        let device = FakeDevice::new_ready(8, 8)?;
        let mut guard = device.queue.lock();
        assert_eq!((guard.capacity(), guard.free_slots()), (2, 2));

        let first = guard.submit(&[1; 8], 8)?;
        let second = guard.submit(&[2; 4], 4)?;
        assert_eq!(guard.submit(&[3], 1).err(), Some(ENOSPC));
        assert!(guard.reap().is_none());

        device.put_used(device.available(1)?, 4)?;
        device.put_used(device.available(0)?, 0)?;
        for (slot, used_len) in [(second, 4), (first, 0)] {
            let completion = guard.reap().ok_or(ENOENT)??;
            assert!(completion.slot() == slot);
            assert_eq!(completion.used_len(), used_len);
            assert_eq!(guard.read(&completion, &mut [0xaa; 16]), used_len);
        }
        assert!(guard.reap().is_none());
        assert_eq!((guard.in_flight(), guard.free_slots()), (0, 2));
        Ok(())
    }

    #[test]
    fn a_kick_outlives_the_lock() -> Result {
        let device = FakeDevice::new_ready(8, 8)?;
        let kick = {
            let mut guard = device.queue.lock();
            guard.submit(&[1], 1)?;
            guard.kick()
        };
        assert_eq!(device.notifications(), 0);
        kick.map(Kick::notify).ok_or(ENOENT)?;
        assert_eq!(device.notifications(), 1);
        Ok(())
    }

    #[test]
    fn nothing_beyond_the_buffer_is_read() -> Result {
        let device = FakeDevice::new_ready(8, 8)?;
        let mut guard = device.queue.lock();
        guard.submit(&[1; 8], 3)?;
        device.put_used(device.available(0)?, u32::MAX)?;

        let completion = guard.reap().ok_or(ENOENT)??;
        let mut dst = [0xaa; 16];
        assert_eq!(guard.read(&completion, &mut dst), 3);
        assert!(dst.iter().skip(3).all(|byte| *byte == 0xaa));
        Ok(())
    }

    #[test]
    fn old_completions_read_nothing() -> Result {
        let device = FakeDevice::new_ready(8, 8)?;
        let mut guard = device.queue.lock();
        guard.submit(&[1], 8)?;
        device.put_used(device.available(0)?, 8)?;
        let old = guard.reap().ok_or(ENOENT)??;

        assert!(guard.reap().is_none());
        assert_eq!(guard.read(&old, &mut [0; 8]), 0);
        let slot = guard.submit(&[1], 8)?;
        assert!(slot == old.slot());
        device.put_used(device.available(1)?, 8)?;
        let new = guard.reap().ok_or(ENOENT)??;
        assert_eq!(guard.read(&old, &mut [0; 8]), 0);
        guard.release(old);
        assert_eq!(guard.read(&new, &mut [0; 8]), 8);
        Ok(())
    }

    #[test]
    fn a_lying_device_breaks_its_queue() -> Result {
        for lie in [u32::from(RING_SIZE) - 1, u32::from(RING_SIZE), u32::MAX] {
            let device = FakeDevice::new_ready(8, 8)?;
            let mut guard = device.queue.lock();
            guard.submit(&[1], 1)?;
            device.put_used(lie, 1)?;

            assert_eq!(guard.reap().ok_or(ENOENT)?.err(), Some(EIO));
            assert!(guard.reap().is_none());
            assert!(guard.is_broken());
            assert_eq!(guard.submit(&[1], 1).err(), Some(EIO));
            // The device has not given it back, so it stays.
            assert_eq!(guard.in_flight(), 1);
        }
        Ok(())
    }

    #[test]
    fn a_buffer_completes_once() -> Result {
        let device = FakeDevice::new_ready(8, 8)?;
        let mut guard = device.queue.lock();
        guard.submit(&[1], 1)?;
        device.put_used(device.available(0)?, 1)?;
        device.put_used(device.available(0)?, 1)?;
        assert!(guard.reap().ok_or(ENOENT)?.is_ok());
        assert_eq!(guard.reap().ok_or(ENOENT)?.err(), Some(EIO));
        Ok(())
    }

    #[test]
    fn owned_buffers_come_back() -> Result {
        let buffer = OwnedBuffer::new(&[1; 100], 200, GFP_KERNEL)?;
        let device = FakeDevice::new_ready(8, 8)?;
        let mut guard = device.queue.lock();
        let slot = guard.submit_owned(buffer).map_err(|(error, _)| error)?;
        device.put_used(device.available(0)?, 150)?;

        let completion = guard.reap().ok_or(ENOENT)??;
        assert!(completion.slot() == slot);
        assert_eq!(guard.read(&completion, &mut [0; 256]), 150);
        let buffer = guard.take_buffer(&completion).ok_or(ENOENT)?;
        assert_eq!(buffer.writable_len(), 200);
        assert!(guard.take_buffer(&completion).is_none());
        assert_eq!(guard.read(&completion, &mut [0; 256]), 0);
        Ok(())
    }

    #[test]
    fn a_device_without_a_configuration_is_none_to_ask() -> Result {
        let nothing = bindings::virtio_config_ops::default();
        with_config(&nothing, |dev| {
            assert_eq!(dev.read_config::<u8>(0).err(), Some(ENODEV));
            assert_eq!(dev.read_config::<u64>(0).err(), Some(ENODEV));
            assert_eq!(dev.write_config_u8(0, 1).err(), Some(ENODEV));
            Ok(())
        })
    }

    #[test]
    fn what_no_configuration_can_hold_is_not_asked_for() -> Result {
        let ops = bindings::virtio_config_ops {
            get: Some(config_read),
            ..Default::default()
        };
        with_config(&ops, |dev| {
            let before = READS.load(Relaxed);
            assert_eq!(dev.read_config::<u16>(0xff).err(), Some(EINVAL));
            assert_eq!(dev.read_config::<u8>(0x100).err(), Some(EINVAL));
            assert_eq!(dev.read_config::<u8>(u32::MAX).err(), Some(EINVAL));
            assert_eq!(dev.read_config::<u64>(0xf9).err(), Some(EINVAL));
            assert_eq!(READS.load(Relaxed), before);

            assert_eq!(dev.read_config::<u16>(0xfe)?, 0x5a5a);
            assert_eq!(READS.load(Relaxed), before + 1);
            Ok(())
        })
    }

    #[test]
    fn nothing_is_submitted_before_the_device_is_ready() -> Result {
        let device = FakeDevice::new(8, 8)?;
        let mut guard = device.queue.lock();
        assert_eq!(guard.submit(&[1], 1).err(), Some(EBUSY));
        assert!(guard.kick().is_none());
        assert!(guard.reap().is_none());
        Ok(())
    }

    #[test]
    fn submissions_keep_to_the_layout() -> Result {
        let device = FakeDevice::new_ready(8, 4)?;
        let mut guard = device.queue.lock();
        for (readable, writable) in [(9, 0), (0, 5), (0, 0), (8, usize::MAX)] {
            let bytes = [0; 9];
            let bytes = bytes.get(..readable).ok_or(EINVAL)?;
            assert_eq!(guard.submit(bytes, writable).err(), Some(EINVAL));
        }
        assert_eq!((guard.free_slots(), guard.in_flight()), (2, 0));

        // One part is enough, and takes one descriptor.
        guard.submit(&[0; 8], 0)?;
        guard.submit(&[], 4)?;
        Ok(())
    }

    #[test]
    fn queues_work_again_after_a_sleep() -> Result {
        let device = FakeDevice::new_ready(8, 8)?;
        device.queue.lock().submit(&[1], 1)?;

        device.detach(false);
        assert_eq!(device.queue.lock().in_flight(), 0);
        assert_eq!(device.queue.lock().submit(&[1], 1).err(), Some(ENODEV));

        device.attach()?;
        assert_eq!(device.queue.lock().submit(&[1], 1).err(), Some(EBUSY));
        device.queue.set_ready();
        let mut guard = device.queue.lock();
        let slot = guard.submit(&[1], 1)?;
        guard.submit(&[2], 2)?;
        assert_eq!(guard.free_slots(), 0);
        device.put_used(device.available(0)?, 1)?;
        assert!(guard.reap().ok_or(ENOENT)??.slot() == slot);
        Ok(())
    }

    #[test]
    fn buffers_in_flight_outlive_the_virtqueue() -> Result {
        let queue = {
            let device = FakeDevice::new_ready(8, 8)?;
            let queue = device.queue.clone();
            queue.lock().submit(&[1], 1)?;
            queue.revoke();
            assert_eq!(queue.lock().in_flight(), 1);
            assert_eq!(queue.lock().submit(&[1], 1).err(), Some(ENODEV));
            queue
        };
        let guard = queue.lock();
        assert_eq!((guard.in_flight(), guard.free_slots()), (0, 2));
        assert!(guard.is_broken());
        Ok(())
    }
}
