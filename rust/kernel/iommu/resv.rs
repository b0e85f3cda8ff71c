// SPDX-License-Identifier: GPL-2.0

//! IOVA regions that must not be used for mappings.
//!
//! C header: [`include/linux/iommu.h`](srctree/include/linux/iommu.h)

use core::{
    marker::PhantomData,
    ptr::NonNull, //
};

use super::flags::Prots;
use crate::{
    bindings,
    device::Device,
    io::PhysAddr,
    prelude::*, //
};

/// Why a region is reserved, and with it what has to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReservedKind {
    /// Must be mapped 1:1 at all times.
    Direct,
    /// Is 1:1 by default; may be dropped when the device is assigned.
    DirectRelaxable,
    /// Must not be mapped nor given to the device.
    Reserved,
    /// The hardware's own MSI window, which is not translated.
    Msi,
    /// A window in which software maps MSI doorbells.
    SwMsi,
}

impl ReservedKind {
    fn into_raw(self) -> bindings::iommu_resv_type {
        match self {
            Self::Direct => bindings::iommu_resv_type_IOMMU_RESV_DIRECT,
            Self::DirectRelaxable => bindings::iommu_resv_type_IOMMU_RESV_DIRECT_RELAXABLE,
            Self::Reserved => bindings::iommu_resv_type_IOMMU_RESV_RESERVED,
            Self::Msi => bindings::iommu_resv_type_IOMMU_RESV_MSI,
            Self::SwMsi => bindings::iommu_resv_type_IOMMU_RESV_SW_MSI,
        }
    }
}

/// One reserved region of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReservedRegion {
    /// First address.
    pub start: PhysAddr,
    /// Length in bytes.
    pub length: usize,
    /// Access rights, for the kinds that get mapped.
    pub prot: Prots,
    /// Why it is reserved.
    pub kind: ReservedKind,
}

/// The list that [`Driver::reserved_regions`] fills.
///
/// # Invariants
///
/// `list` references the initialised head of a list of `struct iommu_resv_region` that nobody else
/// accesses for `'a`, and `dev` has a fwspec.
///
/// [`Driver::reserved_regions`]: super::Driver::reserved_regions
pub struct ReservedRegions<'a> {
    list: NonNull<bindings::list_head>,
    dev: &'a Device,
    _borrow: PhantomData<&'a mut bindings::list_head>,
}

impl<'a> ReservedRegions<'a> {
    /// Wraps the list that the core passed to a callback.
    ///
    /// # Safety
    ///
    /// * `list` must be an initialised list of `struct iommu_resv_region`, and only be accessed
    ///   through the returned object while that lives.
    /// * `dev` must have a fwspec.
    pub(super) unsafe fn from_raw(dev: &'a Device, list: *mut bindings::list_head) -> Self {
        Self {
            // INVARIANT: By the safety requirements.
            // SAFETY: A valid pointer is not null.
            list: unsafe { NonNull::new_unchecked(list) },
            dev,
            _borrow: PhantomData,
        }
    }

    /// Appends `region`.
    pub fn add(&mut self, region: ReservedRegion) -> Result {
        // SAFETY: The function only allocates; the core frees the result with `kfree()`.
        let raw = unsafe {
            bindings::iommu_alloc_resv_region(
                region.start,
                region.length,
                region.prot.into_raw(),
                region.kind.into_raw(),
                bindings::GFP_KERNEL,
            )
        };
        let raw = NonNull::new(raw).ok_or(ENOMEM)?.as_ptr();

        // SAFETY: `raw` is a valid region.
        let entry = unsafe { &raw mut (*raw).list };
        // SAFETY:
        // * `entry` belongs to a region that is on no list yet.
        // * The list is valid and exclusive by the type invariants.
        unsafe { bindings::list_add_tail(entry, self.list.as_ptr()) };
        Ok(())
    }

    /// Appends the regions that firmware tables name for the endpoint (ACPI IORT, device tree).
    pub fn add_firmware(&mut self) {
        // SAFETY: By the type invariants, the list is valid and exclusive and the device has a
        // fwspec, which the function reads.
        unsafe { bindings::iommu_dma_get_resv_regions(self.dev.as_raw(), self.list.as_ptr()) };
    }
}
