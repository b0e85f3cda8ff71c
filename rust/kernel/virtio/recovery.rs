// SPDX-License-Identifier: GPL-2.0

//! Devices that say that they need a reset.
//!
//! The specification lets a device do so when it has run into an error, and tells the driver by a
//! change of the configuration. That is no place to sleep, so the reset is the work of a queue.

use super::{
    device::Device,
    lock::DeviceLock, //
};
use crate::{
    bindings,
    device,
    prelude::*,
    ratelimit::RateLimit,
    sync::{
        aref::ARef,
        Arc, //
    },
    workqueue::{
        self,
        impl_has_work,
        new_work,
        Work,
        WorkItem, //
    }, //
};
use core::cell::Cell;

/// The reset of one device as long as a driver is bound to it.
///
/// The work item may outlive the binding, and even the device: all that it finds then is that it has
/// nothing to do.
///
/// # Invariants
///
/// `bound` is only accessed with the device locked.
#[pin_data]
pub(super) struct Recovery {
    dev: ARef<Device>,
    /// A device lets go of its parent when it is removed, so this is a reference of its own.
    parent: ARef<device::Device>,
    /// Whether the driver is bound.
    bound: Cell<bool>,
    /// A device can say that it needs a reset as often as it likes.
    #[pin]
    messages: RateLimit,
    #[pin]
    work: Work<Recovery>,
}

/// A driver whose module stays.
///
/// # Invariants
///
/// A reference to the module is held; a driver that is built in has no module.
struct PinnedDriver(*mut bindings::module);

impl Drop for PinnedDriver {
    fn drop(&mut self) {
        // SAFETY: By the type invariants.
        unsafe { bindings::module_put(self.0) };
    }
}

impl_has_work! {
    impl HasWork<Self> for Recovery { self.work }
}

// SAFETY: By the type invariants `bound` has a lock; the rest may be used by any thread.
unsafe impl Send for Recovery {}

// SAFETY: As above.
unsafe impl Sync for Recovery {}

impl Recovery {
    /// Prepares for a device that a driver is being bound to.
    pub(super) fn new(dev: &Device<device::Core<'_>>) -> Result<Arc<Self>> {
        let parent = ARef::from(dev.parent().ok_or(ENODEV)?);
        let dev: &Device = dev;
        Arc::pin_init(
            pin_init!(Self {
                dev: ARef::from(dev),
                parent,
                bound: Cell::new(true),
                messages <- RateLimit::new(c"virtio reset"),
                work <- new_work!("virtio::Recovery"),
            }),
            GFP_KERNEL,
        )
    }

    /// Has the device looked at, and reset if it says so. May be called in any context.
    ///
    /// The queue is one that stands still while the system sleeps: a device that sleeps is reset
    /// anyway.
    pub(super) fn schedule(self: &Arc<Self>) {
        // Work that is queued already will look at the device later than now.
        let _ = workqueue::system_freezable().enqueue(self.clone());
    }

    /// Has later looks do nothing: the driver is being unbound, or leaves the device as it is.
    ///
    /// # Safety
    ///
    /// The device must be locked by the caller.
    pub(super) unsafe fn end(&self) {
        self.bound.set(false);
    }

    /// Returns the driver if it is bound and the device says that it needs a reset.
    ///
    /// # Safety
    ///
    /// The device must be locked by the caller.
    unsafe fn driver_to_reset(&self) -> Option<PinnedDriver> {
        if !self.bound.get() {
            return None;
        }
        let vdev = self.dev.as_raw();
        // SAFETY: The device is valid, and has a driver, so that its transport works.
        let status = unsafe { bindings::virtio_get_status(vdev) };
        // A PCI device that is gone has all bits set.
        if status == u8::MAX || u32::from(status) & bindings::VIRTIO_CONFIG_S_NEEDS_RESET == 0 {
            return None;
        }
        // SAFETY: The device is valid, and locked, so that its driver stays.
        let driver = unsafe { (*vdev).dev.driver.as_ref() }?;
        // SAFETY: A driver that is bound has not been unloaded.
        if !unsafe { bindings::try_module_get(driver.owner) } {
            return None;
        }
        // INVARIANT: Just taken.
        Some(PinnedDriver(driver.owner))
    }

    /// Resets the device.
    ///
    /// # Safety
    ///
    /// The parent must be locked by the caller, and the device must not be: the callbacks of the
    /// driver lock it, since a bus that resets the parent calls them, too.
    unsafe fn reset(&self, _driver: &PinnedDriver) {
        let vdev = self.dev.as_raw();
        let told = self.messages.allow();
        // SAFETY: The device is valid, and the module of its driver stays. The lock of the parent
        // keeps the transport, and others from resetting the device.
        let prepared = unsafe { bindings::virtio_device_reset_prepare(vdev) };
        if prepared != 0 {
            if told {
                dev_err!(self.dev, "needs a reset and gets none: {}\n", prepared);
            }
            return;
        }
        // SAFETY: As above.
        let done = unsafe { bindings::virtio_device_reset_done(vdev) };
        match done {
            _ if !told => {}
            0 => dev_warn!(self.dev, "was reset, as it asked for\n"),
            error => dev_err!(self.dev, "does not work after its reset: {}\n", error),
        }
    }
}

impl WorkItem for Recovery {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        let _parent = DeviceLock::new(&this.parent);
        let driver = {
            let _device = DeviceLock::new((*this.dev).as_ref());
            // SAFETY: Just locked.
            unsafe { this.driver_to_reset() }
        };

        if let Some(driver) = driver {
            // SAFETY: The parent is locked, and the device is not any more.
            unsafe { this.reset(&driver) };
        }
    }
}
