// SPDX-License-Identifier: GPL-2.0

//! Devices that say that they need a reset.
//!
//! The specification lets a device do so when it has run into an error, and tells the driver by a
//! change of the configuration. That is no place to sleep, so the reset is the work of a queue.

use super::device::Device;
use crate::{
    bindings,
    device,
    prelude::*,
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
use core::{
    cell::Cell,
    ptr::addr_of_mut, //
};

/// The reset of one device as long as a driver is bound to it.
///
/// The work item may outlive the binding, and even the device: all that it finds then is that it has
/// nothing to do.
#[pin_data]
pub(super) struct Recovery {
    dev: ARef<Device>,
    /// A device lets go of its parent when it is removed, so this is a reference of its own.
    parent: ARef<device::Device>,
    /// Whether the driver is bound. Accessed with the device locked.
    bound: Cell<bool>,
    #[pin]
    work: Work<Recovery>,
}

impl_has_work! {
    impl HasWork<Self> for Recovery { self.work }
}

// SAFETY: `bound` is only accessed with the device locked; the rest may be used by any thread.
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

    /// Has later looks do nothing, since the driver is being unbound.
    ///
    /// # Safety
    ///
    /// The device must be locked by the caller.
    pub(super) unsafe fn end(&self) {
        self.bound.set(false);
    }

    /// # Safety
    ///
    /// The device must be locked by the caller.
    unsafe fn recover(&self) {
        if !self.bound.get() {
            return;
        }
        let vdev = self.dev.as_raw();
        // SAFETY: The device is valid, and has a driver, so that its transport works.
        if !unsafe { bindings::virtio_needs_reset(vdev) } {
            return;
        }
        // SAFETY: The device is valid. Its lock and that of its parent are held, as the bus does
        // it; so nobody binds or unbinds a driver, or resets the device otherwise, meanwhile.
        let prepared = unsafe { bindings::virtio_device_reset_prepare(vdev) };
        if prepared != 0 {
            dev_err!(self.dev, "needs a reset and gets none: {}\n", prepared);
            return;
        }
        // SAFETY: As above.
        let done = unsafe { bindings::virtio_device_reset_done(vdev) };
        match done {
            0 => dev_warn!(self.dev, "was reset, as it asked for\n"),
            error => dev_err!(self.dev, "does not work after its reset: {}\n", error),
        }
    }
}

impl WorkItem for Recovery {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        // SAFETY: The device is valid.
        let dev = unsafe { addr_of_mut!((*this.dev.as_raw()).dev) };
        let parent = this.parent.as_raw();

        // SAFETY: Both devices are valid, and parents are locked first.
        unsafe { bindings::device_lock(parent) };
        // SAFETY: As above.
        unsafe { bindings::device_lock(dev) };
        // SAFETY: The device is locked.
        unsafe { this.recover() };
        // SAFETY: Locked above.
        unsafe { bindings::device_unlock(dev) };
        // SAFETY: Locked above.
        unsafe { bindings::device_unlock(parent) };
    }
}
