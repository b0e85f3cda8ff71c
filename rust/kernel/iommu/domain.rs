// SPDX-License-Identifier: GPL-2.0

//! IOMMU domains: the address spaces that endpoints get attached to.
//!
//! C header: [`include/linux/iommu.h`](srctree/include/linux/iommu.h)

use core::{
    marker::PhantomData,
    ops::{
        Deref,
        RangeInclusive, //
    },
    ptr::NonNull, //
};

use super::{
    driver::{
        Driver,
        Endpoint, //
    },
    fault::DomainFaults,
    flags::Prots,
    gather::Gather, //
};
use crate::{
    alloc, bindings,
    dma::DmaAddress,
    error::VTABLE_DEFAULT_ERROR,
    io::PhysAddr,
    page::PAGE_SIZE,
    prelude::*,
    sync::Arc,
    types::{
        ForeignOwnable,
        Opaque, //
    },
};

/// An address space that endpoints can be attached to.
pub trait Domain: Send + Sync + Sized + 'static {
    /// The driver whose endpoints can be attached.
    type Driver: Driver;

    /// Makes this the address space of `endpoint` in place of the one it has now.
    ///
    /// Called in process context with the lock of the endpoint's group held. The endpoint may be
    /// behind another instance than the one that this domain was allocated for; a driver whose
    /// domains belong to one instance answers that with [`EINVAL`]. After an error, the endpoint
    /// has to be as it was before.
    fn attach(&self, endpoint: &Endpoint<Self::Driver>) -> Result;
}

/// A domain whose address space is made of mappings.
///
/// The core never runs two calls for overlapping ranges at the same time. Except where told
/// otherwise, the methods may be called in atomic context.
#[vtable]
pub trait PagingDomain: Domain {
    /// Maps `pgcount` pages of `pgsize` bytes that are contiguous on both sides.
    ///
    /// Returns the number of bytes mapped, which may be a prefix even without an error: the core
    /// then calls again for the rest. With an error, the core unmaps the prefix.
    fn map_pages(
        &self,
        iova: usize,
        paddr: PhysAddr,
        pgsize: usize,
        pgcount: usize,
        prot: Prots,
        flags: alloc::Flags,
    ) -> (usize, Result);

    /// Unmaps `pgcount` pages of `pgsize` bytes and returns the number of bytes unmapped.
    ///
    /// This is more than asked for if the range ends within something that can only be unmapped as
    /// a whole, and 0 if nothing is mapped at `iova`.
    fn unmap_pages(
        &self,
        iova: usize,
        pgsize: usize,
        pgcount: usize,
        gather: &mut Gather<'_>,
    ) -> usize;

    /// The address that `iova` is mapped to.
    fn iova_to_phys(&self, iova: DmaAddress) -> Option<PhysAddr>;

    /// Waits until the IOMMU has forgotten everything that was unmapped so far.
    ///
    /// The core may call this for any domain: an administrator can ask for lazy unmapping, whatever
    /// the driver is capable of. There is nothing to do where unmapping waits by itself.
    fn flush_iotlb_all(&self);

    /// Waits until the IOMMU has forgotten what was unmapped in the range of `gather`.
    fn iotlb_sync(&self, _gather: &Gather<'_>) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Waits until the mappings in the range are in effect.
    ///
    /// After an error the core unmaps the range.
    fn iotlb_sync_map(&self, _iova: usize, _size: usize) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// What the core has to know of a paging domain.
#[derive(Debug, Clone)]
pub struct DomainConfig {
    /// Page sizes, one bit each; the lowest is the granule.
    pub pgsize_bitmap: usize,
    /// The addresses that can be mapped.
    pub aperture: RangeInclusive<DmaAddress>,
    /// Whether addresses outside of the aperture cannot be used for DMA at all.
    pub force_aperture: bool,
}

impl DomainConfig {
    /// Refuses what would make the core compute with a shift or a range that do not exist.
    pub(super) fn check(&self) -> Result {
        // An empty bitmap has as many trailing zeroes as bits, so the shift fails.
        let granule = 1usize.checked_shl(self.pgsize_bitmap.trailing_zeros());

        if granule.is_none_or(|granule| granule > PAGE_SIZE) || self.aperture.is_empty() {
            return Err(EINVAL);
        }
        Ok(())
    }
}

/// A domain as the core sees it, followed by the driver's part of it.
#[pin_data(PinnedDrop)]
#[repr(C)]
struct DomainBox<D> {
    domain: Opaque<bindings::iommu_domain>,
    /// What has to forget the domain before it goes.
    faults: Option<Arc<DomainFaults>>,
    #[pin]
    data: D,
}

#[pinned_drop]
impl<D> PinnedDrop for DomainBox<D> {
    fn drop(self: Pin<&mut Self>) {
        if let Some(faults) = &self.faults {
            faults.unbind(self.domain.get());
        }
    }
}

/// A domain that has not been handed to the core yet.
///
/// # Invariants
///
/// The `ops` of the contained `struct iommu_domain` is a table of [`DomainVTable<D>`].
pub struct NewDomain<D: Domain>(Pin<KBox<DomainBox<D>>>);

impl<D: PagingDomain> NewDomain<D> {
    /// Allocates a domain whose address space is made of mappings.
    ///
    /// Fails with [`EINVAL`] if `config` has no page size, a granule above the size of a page or an
    /// empty aperture.
    pub fn paging(config: DomainConfig, init: impl PinInit<D, Error>) -> Result<Self> {
        Self::new(Self::raw_paging(config)?, None, init)
    }

    /// Allocates a domain like [`Self::paging`], whose user can be told of faults through `faults`.
    ///
    /// Fails with [`EBUSY`] if `faults` belongs to another domain.
    pub fn paging_with_faults(
        config: DomainConfig,
        faults: Arc<DomainFaults>,
        init: impl PinInit<D, Error>,
    ) -> Result<Self> {
        Self::new(Self::raw_paging(config)?, Some(faults), init)
    }

    /// The core's part of a domain with `config`.
    fn raw_paging(config: DomainConfig) -> Result<bindings::iommu_domain> {
        config.check()?;

        Ok(bindings::iommu_domain {
            ops: DomainVTable::<D>::PAGING,
            pgsize_bitmap: config.pgsize_bitmap,
            geometry: bindings::iommu_domain_geometry {
                aperture_start: *config.aperture.start(),
                aperture_end: *config.aperture.end(),
                force_aperture: config.force_aperture,
            },
            ..pin_init::zeroed()
        })
    }
}

/// A domain in which every address is its own translation, not handed to the core yet.
///
/// Nothing can be mapped in it.
pub struct NewBypassDomain<D: Domain>(NewDomain<D>);

impl<D: Domain> NewBypassDomain<D> {
    /// Allocates the domain.
    pub fn new(init: impl PinInit<D, Error>) -> Result<Self> {
        let domain = bindings::iommu_domain {
            ops: DomainVTable::<D>::IDENTITY,
            ..pin_init::zeroed()
        };
        NewDomain::new(domain, None, init).map(Self)
    }

    /// Gives the domain to the core, which ends it with `ops->free()`.
    pub(super) fn into_raw(self) -> *mut bindings::iommu_domain {
        self.0.into_raw()
    }
}

impl<D: Domain> NewDomain<D> {
    /// `domain.ops` must be a table of [`DomainVTable<D>`].
    fn new(
        domain: bindings::iommu_domain,
        faults: Option<Arc<DomainFaults>>,
        init: impl PinInit<D, Error>,
    ) -> Result<Self> {
        let boxed = KBox::try_pin_init(
            try_pin_init!(DomainBox {
                domain: Opaque::new(domain),
                faults,
                data <- init,
            }),
            GFP_KERNEL,
        )?;

        if let (Some(faults), Some(domain)) = (&boxed.faults, NonNull::new(boxed.domain.get())) {
            // SAFETY: The box does not move its content, and unbinds it before it is freed.
            unsafe { faults.bind(domain)? };
        }
        // INVARIANT: All callers use a table of `DomainVTable<D>`.
        Ok(Self(boxed))
    }

    /// Gives the domain to the core, which ends it with `ops->free()`.
    pub(super) fn into_raw(self) -> *mut bindings::iommu_domain {
        // CAST: `domain` is the first field of the `repr(C)` structure.
        self.0.into_foreign().cast()
    }
}

impl<D: Domain> Deref for NewDomain<D> {
    type Target = D;

    fn deref(&self) -> &D {
        &self.0.data
    }
}

/// The callbacks of the domains of type `D`.
struct DomainVTable<D>(PhantomData<D>);

impl<D: Domain> DomainVTable<D> {
    const IDENTITY: &'static bindings::iommu_domain_ops = &bindings::iommu_domain_ops {
        attach_dev: Some(Self::attach_dev),
        free: Some(Self::free),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// `domain` must come from [`NewDomain::<D>::into_raw`] and not have been freed for `'a`.
    unsafe fn data<'a>(domain: *mut bindings::iommu_domain) -> &'a D {
        // SAFETY: By the safety requirements this is the first field of a live `DomainBox<D>`,
        // whose `data` is only accessed by shared reference until it is freed.
        unsafe { &(*domain.cast::<DomainBox<D>>()).data }
    }

    /// # Safety
    ///
    /// * `domain` must be a live domain that has this function in its table.
    /// * `dev` must be a device that was probed by an IOMMU driver and not released.
    unsafe extern "C" fn attach_dev(
        domain: *mut bindings::iommu_domain,
        dev: *mut bindings::device,
        _old: *mut bindings::iommu_domain,
    ) -> c_int {
        // SAFETY: Only `NewDomain<D>` has this function in its table.
        let domain = unsafe { Self::data(domain) };
        // SAFETY: By the safety requirements.
        let endpoint = unsafe { Endpoint::<D::Driver>::try_from_raw(dev) };

        match endpoint
            .ok_or(EINVAL)
            .and_then(|endpoint| domain.attach(endpoint))
        {
            Ok(()) => 0,
            Err(err) => err.to_errno(),
        }
    }

    /// # Safety
    ///
    /// `domain` must be a live domain that has this function in its table, and must not be used
    /// afterwards.
    unsafe extern "C" fn free(domain: *mut bindings::iommu_domain) {
        // SAFETY: Only `NewDomain<D>` has this function in its table, so this came from its
        // `into_raw()`, and by the safety requirements it is given back here only once.
        drop(unsafe { Pin::<KBox<DomainBox<D>>>::from_foreign(domain.cast()) });
    }
}

impl<D: PagingDomain> DomainVTable<D> {
    const PAGING: &'static bindings::iommu_domain_ops = &bindings::iommu_domain_ops {
        attach_dev: Some(Self::attach_dev),
        map_pages: Some(Self::map_pages),
        unmap_pages: Some(Self::unmap_pages),
        flush_iotlb_all: Some(Self::flush_iotlb_all),
        iotlb_sync_map: if D::HAS_IOTLB_SYNC_MAP {
            Some(Self::iotlb_sync_map)
        } else {
            None
        },
        iotlb_sync: if D::HAS_IOTLB_SYNC {
            Some(Self::iotlb_sync)
        } else {
            None
        },
        iova_to_phys: Some(Self::iova_to_phys),
        free: Some(Self::free),
        ..pin_init::zeroed()
    };

    /// Rounds `bytes` down to what the core can go on from.
    ///
    /// The core calls `BUG()` when it is left with less than a granule.
    ///
    /// # Safety
    ///
    /// `domain` must be a live domain.
    unsafe fn whole_granules(domain: *mut bindings::iommu_domain, bytes: usize) -> usize {
        // SAFETY: By the safety requirements.
        let pgsize_bitmap = unsafe { (*domain).pgsize_bitmap };
        let lowest = pgsize_bitmap & pgsize_bitmap.wrapping_neg();

        bytes & !lowest.wrapping_sub(1)
    }

    /// # Safety
    ///
    /// * `domain` must be a live domain that has this function in its table.
    /// * `mapped` must be valid for a write.
    unsafe extern "C" fn map_pages(
        domain: *mut bindings::iommu_domain,
        iova: usize,
        paddr: PhysAddr,
        pgsize: usize,
        pgcount: usize,
        prot: c_int,
        gfp: bindings::gfp_t,
        mapped: *mut usize,
    ) -> c_int {
        // SAFETY: Only `NewDomain<D>` has this function in its table.
        let data = unsafe { Self::data(domain) };
        let flags = alloc::Flags::from_raw(gfp);

        let (bytes, result) =
            data.map_pages(iova, paddr, pgsize, pgcount, Prots::from_raw(prot), flags);
        // SAFETY: The domain is live.
        let bytes = unsafe { Self::whole_granules(domain, bytes) };
        let bytes = bytes.min(pgsize.saturating_mul(pgcount));
        // SAFETY: Valid for a write by the safety requirements.
        unsafe { *mapped = bytes };

        match result {
            // The core would ask for the same again, for ever.
            Ok(()) if bytes == 0 => EIO.to_errno(),
            Ok(()) => 0,
            Err(err) => err.to_errno(),
        }
    }

    /// # Safety
    ///
    /// * `domain` must be a live domain that has this function in its table.
    /// * `gather` must be valid and not be accessed by others during the call.
    unsafe extern "C" fn unmap_pages(
        domain: *mut bindings::iommu_domain,
        iova: usize,
        pgsize: usize,
        pgcount: usize,
        gather: *mut bindings::iommu_iotlb_gather,
    ) -> usize {
        // SAFETY: Only `NewDomain<D>` has this function in its table.
        let data = unsafe { Self::data(domain) };
        // SAFETY: By the safety requirements.
        let mut gather = unsafe { Gather::from_raw(gather) };

        let bytes = data.unmap_pages(iova, pgsize, pgcount, &mut gather);
        // SAFETY: The domain is live.
        unsafe { Self::whole_granules(domain, bytes) }
    }

    /// # Safety
    ///
    /// `domain` must be a live domain that has this function in its table.
    unsafe extern "C" fn iova_to_phys(
        domain: *mut bindings::iommu_domain,
        iova: DmaAddress,
    ) -> PhysAddr {
        // SAFETY: Only `NewDomain<D>` has this function in its table.
        let data = unsafe { Self::data(domain) };

        data.iova_to_phys(iova).unwrap_or(0)
    }

    /// # Safety
    ///
    /// `domain` must be a live domain that has this function in its table.
    unsafe extern "C" fn flush_iotlb_all(domain: *mut bindings::iommu_domain) {
        // SAFETY: Only `NewDomain<D>` has this function in its table.
        unsafe { Self::data(domain) }.flush_iotlb_all();
    }

    /// # Safety
    ///
    /// * `domain` must be a live domain that has this function in its table.
    /// * `gather` must be valid and not be accessed by others during the call.
    unsafe extern "C" fn iotlb_sync(
        domain: *mut bindings::iommu_domain,
        gather: *mut bindings::iommu_iotlb_gather,
    ) {
        // SAFETY: Only `NewDomain<D>` has this function in its table.
        let data = unsafe { Self::data(domain) };
        // SAFETY: By the safety requirements.
        let gather = unsafe { Gather::from_raw(gather) };

        data.iotlb_sync(&gather);
    }

    /// # Safety
    ///
    /// `domain` must be a live domain that has this function in its table.
    unsafe extern "C" fn iotlb_sync_map(
        domain: *mut bindings::iommu_domain,
        iova: usize,
        size: usize,
    ) -> c_int {
        // SAFETY: Only `NewDomain<D>` has this function in its table.
        let data = unsafe { Self::data(domain) };

        match data.iotlb_sync_map(iova, size) {
            Ok(()) => 0,
            Err(err) => err.to_errno(),
        }
    }
}
