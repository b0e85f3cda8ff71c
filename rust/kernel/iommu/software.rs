// SPDX-License-Identifier: GPL-2.0

//! Endpoints without hardware.
//!
//! They let a sample or a test of an IOMMU driver go through the same doors of the core as a real
//! device does, and are no use for anything else.

use core::{
    marker::PhantomData,
    ptr::{
        self,
        NonNull, //
    },
};

use super::{
    driver::Driver,
    flags::Prots,
    registration::{
        ProbeLock,
        Registration, //
    },
};
use crate::{
    alloc,
    bindings,
    device::{
        property::FwNode,
        Device, //
    },
    dma::DmaAddress,
    error::{
        from_err_ptr,
        to_result, //
    },
    io::PhysAddr,
    prelude::*,
    sync::aref::ARef, //
};

/// A firmware node that no firmware knows of.
///
/// # Invariants
///
/// The pointer references a software node, of which this object owns the creation.
pub struct SoftwareNode(NonNull<bindings::fwnode_handle>);

impl SoftwareNode {
    /// Creates a node.
    pub fn new() -> Result<Self> {
        // SAFETY: No properties and no parent are needed.
        let raw = unsafe { bindings::fwnode_create_software_node(ptr::null(), ptr::null()) };

        // INVARIANT: It was just created.
        Ok(Self(NonNull::new(from_err_ptr(raw)?).ok_or(ENOMEM)?))
    }

    /// A reference to the node.
    pub fn fwnode(&self) -> ARef<FwNode> {
        // SAFETY: The pointer is valid by the type invariants, and `FwNode` is a transparent
        // wrapper of the C type.
        ARef::from(unsafe { self.0.cast::<FwNode>().as_ref() })
    }
}

impl Drop for SoftwareNode {
    fn drop(&mut self) {
        // SAFETY: Created by `new()`; whoever still needs it has a reference of their own.
        unsafe { bindings::fwnode_remove_software_node(self.0.as_ptr()) };
    }
}

// SAFETY: Software nodes may be used and removed from any thread.
unsafe impl Send for SoftwareNode {}
// SAFETY: As above.
unsafe impl Sync for SoftwareNode {}

/// A platform device that does nothing, behind a registered IOMMU.
///
/// # Invariants
///
/// The pointer references a platform device that was added by this object, and that is in an IOMMU
/// group. Nobody else removes it, and it stays behind its IOMMU because the registration of that is
/// borrowed.
pub struct SoftwareEndpoint<'r> {
    pdev: NonNull<bindings::platform_device>,
    _registration: PhantomData<&'r ()>,
}

impl<'r> SoftwareEndpoint<'r> {
    /// Adds a device with the given ids behind the IOMMU.
    ///
    /// Fails with [`ENODEV`] if the IOMMU does not take the device.
    pub fn new<T: Driver>(
        registration: &'r Registration<T>,
        name: &CStr,
        ids: &[u32],
    ) -> Result<Self> {
        let fwnode = registration.fwnode().ok_or(EINVAL)?;
        let pdev = NonNull::new(add_endpoint(fwnode, name, ids)?).ok_or(ENOMEM)?;
        // INVARIANT: Added above; the check for the group follows.
        let endpoint = Self {
            pdev,
            _registration: PhantomData,
        };

        // SAFETY: The device is valid. Its group was set, if at all, when it was added.
        if unsafe { (*endpoint.device().as_raw()).iommu_group }.is_null() {
            return Err(ENODEV);
        }
        Ok(endpoint)
    }

    /// The device.
    pub fn device(&self) -> &Device {
        // SAFETY: The platform device is valid by the type invariants.
        unsafe { Device::from_raw(&raw mut (*self.pdev.as_ptr()).dev) }
    }

    /// Allocates a domain and attaches the device to it.
    ///
    /// Fails with [`EBUSY`] if it has one already.
    pub fn attach(&self) -> Result<SoftwareMappings<'_>> {
        let dev = self.device().as_raw();
        // SAFETY: `dev` is a valid device behind an IOMMU.
        let domain = unsafe { bindings::iommu_paging_domain_alloc_flags(dev, 0) };
        let domain = NonNull::new(from_err_ptr(domain)?).ok_or(ENOMEM)?;

        // SAFETY: Both are valid, and `dev` stays in its group by the type invariants.
        let attached = to_result(unsafe { bindings::iommu_attach_device(domain.as_ptr(), dev) });
        if let Err(err) = attached {
            // SAFETY: The domain was allocated above and is attached to nothing.
            unsafe { bindings::iommu_domain_free(domain.as_ptr()) };
            return Err(err);
        }

        // INVARIANT: Attached above.
        Ok(SoftwareMappings {
            domain,
            endpoint: self,
        })
    }
}

impl Drop for SoftwareEndpoint<'_> {
    fn drop(&mut self) {
        // SAFETY: Added by `new()` and only removed here.
        unsafe { bindings::platform_device_unregister(self.pdev.as_ptr()) };
    }
}

/// Adds a platform device that names `fwnode` as its IOMMU.
// Compiled into this crate, because `dev_iommu_free()` is not exported to modules.
#[inline(never)]
fn add_endpoint(
    fwnode: &FwNode,
    name: &CStr,
    ids: &[u32],
) -> Result<*mut bindings::platform_device> {
    let num_ids = c_int::try_from(ids.len())?;
    // SAFETY: The name is copied.
    let pdev = unsafe {
        bindings::platform_device_alloc(name.as_char_ptr(), bindings::PLATFORM_DEVID_AUTO)
    };
    if pdev.is_null() {
        return Err(ENOMEM);
    }
    // SAFETY: `pdev` is valid.
    let dev = unsafe { &raw mut (*pdev).dev };

    let added = ProbeLock::with(|_lock| {
        // SAFETY: `dev` and `fwnode` are valid, and the lock is held.
        to_result(unsafe { bindings::iommu_fwspec_init(dev, fwnode.as_raw()) })?;
        // SAFETY: `dev` has a fwspec, `ids` has `num_ids` elements, and the lock is held.
        to_result(unsafe { bindings::iommu_fwspec_add_ids(dev, ids.as_ptr(), num_ids) })
    })
    // SAFETY: `pdev` is initialised and not added yet.
    .and_then(|()| to_result(unsafe { bindings::platform_device_add(pdev) }));

    if let Err(err) = added {
        // SAFETY: `dev` is valid.
        if !unsafe { (*dev).iommu }.is_null() {
            // SAFETY: The device is on no bus, where the core would free this.
            unsafe { bindings::dev_iommu_free(dev) };
        }
        // SAFETY: Gives back the reference of the allocation.
        unsafe { bindings::platform_device_put(pdev) };
        return Err(err);
    }
    Ok(pdev)
}

/// A paging domain with a [`SoftwareEndpoint`] attached to it.
///
/// The methods are safe, whatever is mapped, because the endpoint never accesses anything.
///
/// # Invariants
///
/// `domain` is a live paging domain that `endpoint`, and nothing else, is attached to.
pub struct SoftwareMappings<'e> {
    domain: NonNull<bindings::iommu_domain>,
    endpoint: &'e SoftwareEndpoint<'e>,
}

impl SoftwareMappings<'_> {
    /// Maps `size` bytes at `iova` to `paddr`.
    pub fn map(
        &mut self,
        iova: usize,
        paddr: PhysAddr,
        size: usize,
        prot: Prots,
        flags: alloc::Flags,
    ) -> Result {
        // SAFETY: The domain is live, and `&mut self` keeps other calls for the range away.
        to_result(unsafe {
            bindings::iommu_map(
                self.domain.as_ptr(),
                iova,
                paddr,
                size,
                prot.into_raw(),
                flags.as_raw(),
            )
        })
    }

    /// Unmaps `size` bytes at `iova` and returns how many bytes were unmapped.
    pub fn unmap(&mut self, iova: usize, size: usize) -> usize {
        // SAFETY: The domain is live, and `&mut self` keeps other calls for the range away.
        unsafe { bindings::iommu_unmap(self.domain.as_ptr(), iova, size) }
    }

    /// The domain.
    #[cfg(CONFIG_RUST_IOMMU_KUNIT_TEST)]
    pub(super) fn as_raw(&self) -> *mut bindings::iommu_domain {
        self.domain.as_ptr()
    }

    /// The address that `iova` is mapped to.
    pub fn iova_to_phys(&self, iova: DmaAddress) -> Option<PhysAddr> {
        // SAFETY: The domain is live.
        let paddr = unsafe { bindings::iommu_iova_to_phys(self.domain.as_ptr(), iova) };

        (paddr != 0).then_some(paddr)
    }
}

impl Drop for SoftwareMappings<'_> {
    fn drop(&mut self) {
        let dev = self.endpoint.device().as_raw();
        // SAFETY: Attached by the type invariants.
        unsafe { bindings::iommu_detach_device(self.domain.as_ptr(), dev) };
        // SAFETY: Nothing is attached to the domain any more.
        unsafe { bindings::iommu_domain_free(self.domain.as_ptr()) };
    }
}
