// SPDX-License-Identifier: GPL-2.0

//! A virtio device inside the kernel, for the tests of drivers.
//!
//! The driver's side is a [`Queue`] on the virtqueues of the C portion, as for any other device. The
//! device's side is [`DeviceRing`], on what devices inside the kernel read rings with; so the two
//! sides share no code. What the device does is up to the [`Model`] that a test brings: it is told
//! of each notification, and may answer right, wrong, late, or not at all.
//!
//! C header: [`include/linux/vringh.h`](srctree/include/linux/vringh.h)
//!
//! # Lock order
//!
//! 1. `Loopback::vq`
//! 2. the lock of the queue
//! 3. `Shared::device` (interrupts off; a notification takes it with no other lock held)

#[cfg(CONFIG_FAILSLAB)]
mod allocations;
mod device_ring;

pub use self::device_ring::{
    Chain,
    DeviceRing,
    RING_SIZE, //
};

#[cfg(CONFIG_FAILSLAB)]
pub use self::allocations::count_allocations;

use super::{
    layout::BufferLayout,
    queue::{
        AnyQueue,
        Queue,
        QueueName, //
    },
    virtqueue::VirtQueue, //
};
use crate::{
    bindings,
    prelude::*,
    static_lock_class,
    sync::{
        rcu,
        Arc,
        Mutex,
        SpinLockIrq, //
    },
    types::Opaque, //
};
use core::ptr::{
    addr_of_mut,
    NonNull, //
};
use device_ring::SplitRing;

/// Names of locks. They are at one address each, as lockdep asks for: a literal in a generic function
/// is one in each crate that the function is compiled for.
static DEVICE_LOCK: &CStr = c"virtio_loopback_device";
static VQS_LOCK: &CStr = c"virtio_loopback_vqs_list";
static VQ_LOCK: &CStr = c"virtio_loopback_vq";

/// What a device does.
pub trait Model: Send + Unpin + 'static {
    /// Called when the driver has notified the device, with interrupts disabled.
    fn notified(&mut self, ring: &mut DeviceRing);
}

/// The device's view of itself.
struct Device<M> {
    ring: DeviceRing,
    model: M,
}

/// What the driver's notifications lead to.
///
/// # Invariants
///
/// `vdev` is initialized as far as a virtqueue needs it, and `vdev.priv` points to this object.
#[pin_data]
struct Shared<M: Model> {
    #[pin]
    vdev: Opaque<bindings::virtio_device>,
    #[pin]
    ring: Opaque<SplitRing>,
    #[pin]
    device: SpinLockIrq<Option<Device<M>>>,
}

// SAFETY: `vdev` is only used by C code that serialises its accesses, and `ring` is memory that two
// sides share by design, with atomic accesses and barriers; the rest is `Send`.
unsafe impl<M: Model> Send for Shared<M> {}

// SAFETY: As above; the lock makes `device` `Sync`.
unsafe impl<M: Model> Sync for Shared<M> {}

impl<M: Model> Shared<M> {
    fn new(model: M) -> Result<Arc<Self>> {
        let shared = Arc::pin_init(
            pin_init!(Self {
                vdev <- new_vdev(),
                ring <- SplitRing::zeroed(),
                device <- SpinLockIrq::new(None, DEVICE_LOCK, static_lock_class!()),
            }),
            GFP_KERNEL,
        )?;
        // SAFETY: The ring lives as long as the object, which `device` is a part of.
        let ring = unsafe { DeviceRing::new(shared.ring.get()) }?;
        // INVARIANT: The object is pinned, and never mutably borrowed.
        // SAFETY: `vdev` is valid, and nobody else knows of it yet.
        unsafe { (*shared.vdev.get()).priv_ = Arc::as_ptr(&shared).cast_mut().cast() };
        *shared.device.lock() = Some(Device { ring, model });
        Ok(shared)
    }

    /// Lets the device act, unless it is gone.
    fn act<R>(&self, act: impl FnOnce(&mut M, &mut DeviceRing) -> R) -> Option<R> {
        let mut device = self.device.lock();
        let device = (*device).as_mut()?;
        Some(act(&mut device.model, &mut device.ring))
    }
}

/// Initializes as much of a device as its virtqueues look at.
fn new_vdev() -> impl PinInit<Opaque<bindings::virtio_device>> {
    Opaque::ffi_init(|vdev: *mut bindings::virtio_device| {
        // SAFETY: `vdev` is valid for writes, and all-zeroes is what C code starts with.
        unsafe { vdev.write_bytes(0, 1) };
        // SAFETY: `vdev` is valid, and lock, name and key live as long as needed.
        unsafe {
            bindings::__spin_lock_init(
                addr_of_mut!((*vdev).vqs_list_lock),
                VQS_LOCK.as_char_ptr(),
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
    })
}

/// Tells the model of a notification.
///
/// # Safety
///
/// `vq` must be a virtqueue of a [`Loopback`] whose model is an `M`.
unsafe extern "C" fn notified<M: Model>(vq: *mut bindings::virtqueue) -> bool {
    // SAFETY: By the safety requirements virtqueue and device are valid.
    let shared = unsafe { (*(*vq).vdev).priv_ }.cast::<Shared<M>>();
    // SAFETY: By the type invariants of `Shared` that is the object, which outlives the virtqueue.
    let shared = unsafe { &*shared };
    shared.act(Model::notified).is_some()
}

/// A virtqueue, and the right to use and delete it.
struct Vq(NonNull<bindings::virtqueue>);

// SAFETY: A virtqueue is bound to no thread.
unsafe impl Send for Vq {}

/// A virtio device with one queue.
#[pin_data(PinnedDrop)]
pub struct Loopback<T: Send + 'static, M: Model> {
    queue: Arc<Queue<T>>,
    shared: Arc<Shared<M>>,
    /// [`None`] when the device was unplugged.
    #[pin]
    vq: Mutex<Option<Vq>>,
}

impl<T: Send + 'static, M: Model> Loopback<T, M> {
    /// Creates a device, and a queue of it that is ready for use.
    ///
    /// The ring has [`RING_SIZE`] descriptors. `data` is that of the driver, as for any queue.
    pub fn new(name: QueueName, layout: BufferLayout, data: T, model: M) -> Result<Arc<Self>> {
        let queue = Queue::new(name, layout, data, None)?;
        let shared = Shared::new(model)?;
        let loopback = Arc::pin_init(
            pin_init!(Self {
                queue,
                shared,
                vq <- Mutex::new(None, VQ_LOCK, static_lock_class!()),
            }),
            GFP_KERNEL,
        )?;
        loopback.plug()?;
        Ok(loopback)
    }

    fn plug(&self) -> Result {
        // SAFETY: Device and ring are valid until the virtqueue is deleted, which is before
        // `self.shared` is dropped, and the ring is as large as the arguments say.
        let vq = unsafe {
            bindings::vring_new_virtqueue(
                0,
                u32::from(RING_SIZE),
                u32::try_from(align_of::<SplitRing>())?,
                self.shared.vdev.get(),
                true,
                false,
                self.shared.ring.get().cast(),
                Some(notified::<M>),
                None,
                self.queue.name().as_char_ptr(),
            )
        };
        let vq = NonNull::new(vq).ok_or(ENOMEM)?;
        *self.vq.lock() = Some(Vq(vq));
        // SAFETY: The queue has no virtqueue: it was just created. The virtqueue is deleted after
        // the queue gave it up, and nobody else uses it.
        self.queue.attach(unsafe { VirtQueue::new(vq) })?;
        // SAFETY: The virtqueue is valid. Some kernels create it broken.
        unsafe { bindings::__virtqueue_unbreak(vq.as_ptr()) };
        self.queue.set_ready();
        Ok(())
    }

    /// The driver's side of the queue.
    pub fn queue(&self) -> &Arc<Queue<T>> {
        &self.queue
    }

    /// Lets the device act without having been notified. Returns [`None`] when it is gone.
    ///
    /// `act` runs with interrupts disabled, and must not lock the queue.
    pub fn act<R>(&self, act: impl FnOnce(&mut M, &mut DeviceRing) -> R) -> Option<R> {
        self.shared.act(act)
    }

    /// Takes the device away, whatever it has of the driver. May sleep.
    pub fn unplug(&self) {
        let Some(vq) = self.vq.lock().take() else {
            return;
        };
        self.queue.revoke();
        rcu::synchronize_rcu();
        // From here on the device has nothing: that is a reset.
        let device = self.shared.device.lock().take();
        drop(device);
        // SAFETY: The queue was revoked and the device reset after that.
        unsafe { self.queue.detach(true) };
        // SAFETY: The virtqueue is valid and used by nobody: the queue gave it up, and no
        // notification has it since the grace period.
        unsafe { bindings::vring_del_virtqueue(vq.0.as_ptr()) };
    }
}

#[pinned_drop]
impl<T: Send + 'static, M: Model> PinnedDrop for Loopback<T, M> {
    fn drop(self: Pin<&mut Self>) {
        self.unplug();
    }
}

#[macros::kunit_tests(rust_virtio_loopback)]
mod tests {
    use super::*;
    use crate::virtio::{
        queue_name,
        Kick, //
    };

    const LAYOUT: BufferLayout = BufferLayout {
        slots: 0,
        readable: 8,
        writable: 8,
    };

    /// Answers with what it read, the bytes in reverse.
    struct Mirror;

    impl Model for Mirror {
        fn notified(&mut self, ring: &mut DeviceRing) {
            while let Some(chain) = ring.next() {
                let mut bytes = [0; 8];
                let len = ring.read(&chain, &mut bytes);
                bytes.reverse();
                let answer = bytes.get(8 - len..).unwrap_or_default();
                let written = ring.write(&chain, 0, answer);
                ring.complete(chain, u32::try_from(written).unwrap_or(u32::MAX));
            }
        }
    }

    /// Does nothing by itself.
    struct Silent;

    impl Model for Silent {
        fn notified(&mut self, _ring: &mut DeviceRing) {}
    }

    #[test]
    fn both_sides_see_the_same_bytes() -> Result {
        let device = Loopback::new(queue_name!(c"mirror"), LAYOUT, (), Mirror)?;
        // More than the ring holds, so that all indices wrap.
        for round in 0..3 * u8::try_from(RING_SIZE)? {
            let mut queue = device.queue().lock();
            let slot = queue.submit(&[round, 2, 3], 8)?;
            let kick = queue.kick();
            drop(queue);
            kick.map(Kick::notify).ok_or(ENOENT)?;

            let mut queue = device.queue().lock();
            let completion = queue.reap().ok_or(ENOENT)??;
            assert!(completion.slot() == slot);
            let mut bytes = [0xaa; 8];
            assert_eq!(queue.read(&completion, &mut bytes), 3);
            assert_eq!(bytes, [3, 2, round, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa]);
        }
        Ok(())
    }

    #[test]
    fn the_device_has_what_was_submitted_until_it_completes_it() -> Result {
        let device = Loopback::new(queue_name!(c"silent"), LAYOUT, (), Silent)?;
        device.queue().lock().submit(&[1; 8], 3)?;
        device.queue().lock().submit(&[2; 4], 4)?;

        let lens = device.act(|_, ring| {
            let first = ring.next()?;
            let second = ring.next()?;
            let lens = (
                ring.read(&first, &mut [0; 16]),
                ring.write(&first, 1, &[7; 8]),
            );
            let head = first.head();
            ring.complete(second, 4);
            ring.complete(first, 3);
            // It is the driver's again.
            ring.forge(head, 3);
            Some((lens, ring.next().is_none()))
        });
        assert_eq!(lens, Some(Some(((8, 2), true))));

        let mut queue = device.queue().lock();
        for expected in [4, 3] {
            assert_eq!(queue.reap().ok_or(ENOENT)??.used_len(), expected);
        }
        assert_eq!(queue.reap().ok_or(ENOENT)?.err(), Some(EIO));
        Ok(())
    }

    #[test]
    fn what_the_device_did_not_write_is_no_earlier_answer() -> Result {
        let device = Loopback::new(queue_name!(c"forgetful"), LAYOUT, (), Silent)?;
        for (written, expected) in [
            (4, [7, 7, 7, 7]),
            (1, [7, 0xff, 0xff, 0xff]),
            (0, [0xff; 4]),
        ] {
            device.queue().lock().submit(&[1], 4)?;
            let completed = device.act(|_, ring| {
                let chain = ring.next()?;
                ring.write(&chain, 0, [7; 4].get(..written)?);
                ring.complete(chain, 4);
                Some(())
            });
            assert_eq!(completed, Some(Some(())));

            let mut queue = device.queue().lock();
            let completion = queue.reap().ok_or(ENOENT)??;
            assert_eq!(completion.slot().index(), 0);
            let mut bytes = [0; 4];
            assert_eq!(queue.read(&completion, &mut bytes), 4);
            assert_eq!(bytes, expected);
        }
        Ok(())
    }

    #[test]
    fn an_unplugged_device_has_nothing() -> Result {
        let device = Loopback::new(queue_name!(c"unplugged"), LAYOUT, (), Mirror)?;
        device.queue().lock().submit(&[1], 1)?;
        device.unplug();
        assert!(device.act(|_, ring| ring.next().is_none()).is_none());
        assert_eq!(device.queue().lock().submit(&[1], 1).err(), Some(ENODEV));
        assert_eq!(device.queue().lock().in_flight(), 0);
        device.unplug();
        Ok(())
    }

    #[test]
    #[cfg(CONFIG_FAILSLAB)]
    fn allocations_are_counted() {
        let (made, count) = count_allocations(|| KBox::new([0_u8; 64], GFP_ATOMIC));
        assert!(made.is_ok());
        // Debugging may need memory of its own.
        assert!(count > 0);
        drop(made);
        assert_eq!(count_allocations(|| ()).1, 0);
    }
}
