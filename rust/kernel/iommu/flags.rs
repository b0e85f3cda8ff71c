// SPDX-License-Identifier: GPL-2.0

//! Protection flags and capabilities of an IOMMU.

use super::pgtable::prot;
use crate::{
    bindings,
    impl_flags,
    prelude::*, //
};

impl_flags!(
    /// What a device may do with the memory behind a mapping.
    #[derive(Debug, Clone, Default, Copy, PartialEq, Eq)]
    pub struct Prots(u32);

    /// One protection flag of a mapping.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Prot {
        /// The device may read.
        Read = prot::READ,
        /// The device may write.
        Write = prot::WRITE,
        /// Accesses shall be cache coherent.
        Cache = prot::CACHE,
        /// The device must not fetch instructions.
        NoExec = prot::NOEXEC,
        /// The target is device registers, not memory.
        Mmio = prot::MMIO,
        /// The other flags hold for privileged accesses only.
        Privileged = prot::PRIVILEGED,
    }
);

impl Prots {
    /// Takes over the flags of a C `int prot`; bits that have no [`Prot`] are dropped.
    #[inline]
    pub(super) fn from_raw(prot: c_int) -> Self {
        // CAST: `prot` is a bit mask; only its bits count.
        Self(prot as u32 & Self::all_bits())
    }

    /// The same flags as a C `int prot`.
    #[inline]
    pub(super) fn into_raw(self) -> c_int {
        // CAST: All flags are below the sign bit.
        self.0 as c_int
    }
}

/// A property that the user of an endpoint may ask its IOMMU for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capability {
    /// [`Prot::Cache`] is supported.
    CacheCoherency,
    /// [`Prot::NoExec`] is supported.
    NoExec,
    /// Firmware used the IOMMU for DMA protection before it started the kernel.
    PreBootProtection,
    /// A domain can be told to refuse accesses that are not cache coherent.
    EnforceCacheCoherency,
    /// Unmapping may be completed later by [`PagingDomain::flush_iotlb_all`].
    ///
    /// [`PagingDomain::flush_iotlb_all`]: super::PagingDomain::flush_iotlb_all
    DeferredFlush,
    /// The IOMMU records which pages a device has written.
    DirtyTracking,
    /// PCI ATS is supported and may be enabled for this device.
    PciAtsSupported,
}

impl Capability {
    /// The capability that the core asks for, or `None` if it is one that this type does not know.
    pub(super) fn from_raw(cap: bindings::iommu_cap) -> Option<Self> {
        use bindings::iommu_cap as raw;

        Some(match cap {
            raw::IOMMU_CAP_CACHE_COHERENCY => Self::CacheCoherency,
            raw::IOMMU_CAP_NOEXEC => Self::NoExec,
            raw::IOMMU_CAP_PRE_BOOT_PROTECTION => Self::PreBootProtection,
            raw::IOMMU_CAP_ENFORCE_CACHE_COHERENCY => Self::EnforceCacheCoherency,
            raw::IOMMU_CAP_DEFERRED_FLUSH => Self::DeferredFlush,
            raw::IOMMU_CAP_DIRTY_TRACKING => Self::DirtyTracking,
            raw::IOMMU_CAP_PCI_ATS_SUPPORTED => Self::PciAtsSupported,
            _ => return None,
        })
    }
}
