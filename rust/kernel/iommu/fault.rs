// SPDX-License-Identifier: GPL-2.0

//! Accesses that an IOMMU has refused, and who wants to know of them.
//!
//! C header: [`include/linux/iommu.h`](srctree/include/linux/iommu.h)

use core::ptr::NonNull;

use crate::{
    bindings,
    device::Device,
    error::to_result,
    new_spinlock_irq,
    prelude::*,
    sync::SpinLockIrq, //
};

/// What an endpoint tried to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultAccess {
    /// A read, or something that the IOMMU does not tell.
    Read,
    /// A write.
    Write,
}

impl FaultAccess {
    fn into_raw(self) -> c_int {
        let raw = match self {
            Self::Read => bindings::IOMMU_FAULT_READ,
            Self::Write => bindings::IOMMU_FAULT_WRITE,
        };
        // CAST: The flags are below the sign bit.
        raw as c_int
    }
}

/// An access to an address that is not mapped for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageFault {
    /// Where.
    pub iova: usize,
    /// What for.
    pub access: FaultAccess,
}

impl PageFault {
    /// Records the fault in the trace as one of `dev`: event `iommu:io_page_fault`.
    ///
    /// Can be called in any context.
    pub fn trace(&self, dev: &Device) {
        // SAFETY: `dev` is valid, which is all that the tracepoint needs.
        unsafe {
            bindings::trace_io_page_fault(dev.as_raw(), self.iova, self.access.into_raw());
        }
    }
}

/// A domain that can be reported to.
struct Target(NonNull<bindings::iommu_domain>);

// SAFETY: `report_iommu_fault()`, the only thing done with the domain, can be called on any thread.
unsafe impl Send for Target {}

/// The way to whoever uses a paging domain, for telling of faults in it.
///
/// The core frees a domain without asking who still knows it, so this may outlive the domain: there
/// is nobody to report to then.
///
/// # Invariants
///
/// A [`Target`] in `target` is a domain whose memory stays valid at least until
/// [`DomainFaults::unbind`] was called for it.
#[pin_data]
pub struct DomainFaults {
    #[pin]
    target: SpinLockIrq<Option<Target>>,
}

impl DomainFaults {
    /// Creates the way to a domain that is not there yet.
    ///
    /// It becomes that of a domain by [`NewDomain::paging_with_faults`].
    ///
    /// [`NewDomain::paging_with_faults`]: super::NewDomain::paging_with_faults
    pub fn new() -> impl PinInit<Self> {
        // INVARIANT: There is no target.
        pin_init!(Self {
            target <- new_spinlock_irq!(None, "iommu_domain_faults"),
        })
    }

    /// Tells of a fault of `dev` and records it in the trace.
    ///
    /// Returns what the fault handler of the domain's user returned, [`ENOSYS`] if there is none
    /// and [`ENODEV`] if there is no domain. Can be called in any context; the handler runs with
    /// local interrupts disabled, and the domain is not freed before it returned.
    pub fn report(&self, dev: &Device, fault: &PageFault) -> Result {
        let target = self.target.lock();
        let Some(Target(domain)) = &*target else {
            fault.trace(dev);
            return Err(ENODEV);
        };
        // SAFETY: The domain is valid by the type invariants: who wants to unbind it waits for the
        // lock. `dev` is valid. The function records the fault in the trace, too.
        to_result(unsafe {
            bindings::report_iommu_fault(
                domain.as_ptr(),
                dev.as_raw(),
                fault.iova,
                fault.access.into_raw(),
            )
        })
    }

    /// Makes `domain` the one that is told.
    ///
    /// Fails with [`EBUSY`] if there is one already.
    ///
    /// # Safety
    ///
    /// `domain` must be a valid domain, at least until [`Self::unbind`] was called for it.
    pub(super) unsafe fn bind(&self, domain: NonNull<bindings::iommu_domain>) -> Result {
        let mut target = self.target.lock();
        if target.is_some() {
            return Err(EBUSY);
        }
        // INVARIANT: By the safety requirements.
        *target = Some(Target(domain));
        Ok(())
    }

    /// Stops telling `domain`, if that is the one that is told.
    pub(super) fn unbind(&self, domain: *mut bindings::iommu_domain) {
        let mut target = self.target.lock();
        if target.as_ref().is_some_and(|it| it.0.as_ptr() == domain) {
            *target = None;
        }
    }
}
