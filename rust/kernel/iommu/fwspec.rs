// SPDX-License-Identifier: GPL-2.0

//! What firmware tells about the connection of a device to its IOMMU.
//!
//! C header: [`include/linux/iommu.h`](srctree/include/linux/iommu.h)

use core::ptr;

use crate::{
    bindings,
    device::Device,
    types::Opaque, //
};

/// The IOMMU that a device is behind, and the ids under which the IOMMU knows the device.
///
/// It is only handed out while `iommu_probe_device_lock` is held, because that is what keeps
/// firmware code from adding ids.
///
/// # Invariants
///
/// References a valid `struct iommu_fwspec` that does not change as long as `self` lives.
#[repr(transparent)]
pub struct FwSpec<'a>(&'a Opaque<bindings::iommu_fwspec>);

impl<'a> FwSpec<'a> {
    /// The fwspec of `dev`, if it has one.
    ///
    /// # Safety
    ///
    /// The caller must hold `iommu_probe_device_lock` for `'a`.
    pub(super) unsafe fn of(dev: &'a Device) -> Option<Self> {
        // SAFETY: `dev` is valid, and the lock keeps its `iommu` field stable.
        let raw = unsafe { bindings::dev_iommu_fwspec_get(dev.as_raw()) };

        // INVARIANT: All changes of a fwspec are made under the lock that the caller holds.
        // SAFETY: The pointer is null or valid as long as the lock is held.
        unsafe { raw.cast::<Opaque<bindings::iommu_fwspec>>().as_ref() }.map(Self)
    }

    /// The ids with which the device tags its requests.
    pub fn ids(&self) -> &'a [u32] {
        let raw = self.0.get();
        // SAFETY: The pointer is valid by the type invariants.
        let len = unsafe { (*raw).num_ids };
        // SAFETY: As above; this only computes an address.
        let ids = unsafe { &raw const (*raw).ids };

        // SAFETY:
        // * The array has `num_ids` initialised elements, which do not change by the type
        //   invariants.
        // * CAST: `u32` to `usize` does not lose bits.
        unsafe { core::slice::from_raw_parts(ids.cast::<u32>(), len as usize) }
    }

    /// `IOMMU_FWSPEC_*` flags.
    pub fn flags(&self) -> u32 {
        // SAFETY: The pointer is valid by the type invariants.
        unsafe { (*self.0.get()).flags }
    }

    /// Whether `fwnode` is the firmware node of the IOMMU.
    pub(super) fn is_behind(&self, fwnode: *const bindings::fwnode_handle) -> bool {
        // SAFETY: The pointer is valid by the type invariants.
        ptr::eq(unsafe { (*self.0.get()).iommu_fwnode }, fwnode)
    }
}
