// SPDX-License-Identifier: GPL-2.0

//! The lock of a device, with which the driver core binds and unbinds drivers.

use crate::{
    bindings,
    device::Device, //
};

/// Keeps a device locked.
///
/// A parent is locked before its children.
///
/// # Invariants
///
/// The device is locked, and this is what unlocks it.
pub(super) struct DeviceLock<'a>(&'a Device);

impl<'a> DeviceLock<'a> {
    pub(super) fn new(dev: &'a Device) -> Self {
        // SAFETY: The device is valid.
        unsafe { bindings::device_lock(dev.as_raw()) };
        // INVARIANT: Just locked.
        Self(dev)
    }
}

impl Drop for DeviceLock<'_> {
    fn drop(&mut self) {
        // SAFETY: Locked by the type invariants.
        unsafe { bindings::device_unlock(self.0.as_raw()) };
    }
}
