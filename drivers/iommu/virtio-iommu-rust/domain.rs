// SPDX-License-Identifier: GPL-2.0

//! Domains: address spaces on the device that endpoints are attached to.
//!
//! # Lock order
//!
//! 1. the group's mutex (IOMMU core)
//! 2. `Viommu::attaching`
//! 3. `Shared::mappings`
//! 4. the lock of the request queue

use kernel::{
    alloc::Flags,
    dma::DmaAddress,
    io::PhysAddr,
    iommu::{
        self,
        DomainConfig,
        Gather,
        NewDomain,
        PagingDomain,
        Prot,
        Prots, //
    },
    page::PAGE_SIZE,
    sync::{
        new_spinlock_irq,
        Arc,
        SpinLockIrq, //
    }, //
};

use kernel::prelude::*;

use crate::{
    convert::to_u64,
    identity::identity_ranges,
    mappings::{
        Mapping,
        Mappings,
        Reservation, //
    },
    proto::{
        DomainId,
        MapFlags,
        Request, //
    },
    range::IovaRange,
    viommu::Viommu, //
};

/// The part of a domain that its endpoints share with it.
#[pin_data(PinnedDrop)]
pub(crate) struct Shared {
    viommu: Arc<Viommu>,
    id: DomainId,
    /// Whether the endpoints bypass translation; such a domain has no mappings.
    bypass: bool,
    #[pin]
    mappings: SpinLockIrq<Mappings>,
}

impl Shared {
    /// Creates a domain that translates, with an ID of its own.
    fn translating(viommu: &Arc<Viommu>) -> Result<Arc<Self>> {
        let id = viommu.alloc_domain_id()?;
        Self::new(viommu, id, false).inspect_err(|_| viommu.free_domain_id(id))
    }

    /// Creates a domain with `id`, which is freed with it unless it bypasses translation.
    fn new(viommu: &Arc<Viommu>, id: DomainId, bypass: bool) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                viommu: viommu.clone(),
                id,
                bypass,
                mappings <- new_spinlock_irq!(Mappings::new(), "virtio_iommu_mappings"),
            }),
            GFP_KERNEL,
        )
    }

    /// The device that the domain is of.
    pub(crate) fn viommu(&self) -> &Arc<Viommu> {
        &self.viommu
    }

    /// The number that the device knows the domain by.
    pub(crate) fn id(&self) -> DomainId {
        self.id
    }

    /// Whether the endpoints bypass translation.
    pub(crate) fn bypass(&self) -> bool {
        self.bypass
    }

    /// Counts one endpoint less.
    pub(crate) fn leave(&self) {
        self.mappings.lock().leave();
    }

    /// Counts one more endpoint and sends the mappings that the device does not have.
    pub(crate) fn join(&self) -> Result {
        self.mappings.lock().join();
        self.replay().inspect_err(|_| self.leave())
    }

    /// Sends the mappings that the device does not have, a queue full at a time.
    fn replay(&self) -> Result {
        let requests = self.viommu.requests();
        let mut next = 0;
        loop {
            let rest = self
                .mappings
                .lock()
                .send_missing(next, |mapping| self.try_send(mapping))?;
            match rest {
                None => return requests.sync_map(self.id, IovaRange::ALL),
                Some(address) => next = address,
            }
            requests.wait_for_room()?;
        }
    }

    /// Gives the device one MAP request, if it has room.
    fn try_send(&self, mapping: &Mapping) -> Result<bool> {
        let request = Request::Map {
            domain: self.id,
            iova: mapping.iova,
            phys_start: mapping.phys,
            flags: mapping.flags,
        };
        self.viommu
            .requests()
            .try_map(self.id, mapping.iova, &request)
    }

    /// Adds a mapping, and sends it if the domain is on the device.
    ///
    /// An overlap is refused: the device would refuse it too.
    fn map(&self, mapping: Mapping, flags: Flags) -> Result {
        let memory = Reservation::new(flags)?;
        loop {
            let mut mappings = self.mappings.lock();
            if mappings.overlaps(mapping.iova) {
                return Err(EEXIST);
            }
            let stay = mappings.stay();
            if stay.is_none() || self.try_send(&mapping)? {
                mappings.insert(memory, mapping, stay);
                return Ok(());
            }
            drop(mappings);
            self.viommu.requests().wait_for_room()?;
        }
    }

    /// Removes mappings and sends the UNMAP; returns what is unmapped.
    fn unmap(&self, iova: IovaRange) -> Option<IovaRange> {
        let removed = self.mappings.lock().remove(iova)?;
        if removed.on_device {
            if let Err(error) = self.viommu.requests().unmap(self.id, removed.iova) {
                self.report_stale(removed.iova, error);
            }
        }
        Some(removed.iova)
    }

    /// Waits for the UNMAP requests of `iova`.
    fn sync_unmap(&self, iova: IovaRange) {
        let synced = self
            .viommu
            .requests()
            .sync_unmap(self.id, iova, |stale, error| {
                self.report_stale(stale, error)
            });
        if let Err(error) = synced {
            self.report_stale(iova, error);
        }
    }

    /// Says that the device may still translate `iova`.
    fn report_stale(&self, iova: IovaRange, error: Error) {
        if self.viommu.stale_limit.allow() {
            dev_err!(
                self.viommu.device(),
                "domain {}: could not unmap {:#x}-{:#x}: {:?}\n",
                self.id.get(),
                iova.start(),
                iova.last(),
                error
            );
        }
    }
}

#[pinned_drop]
impl PinnedDrop for Shared {
    fn drop(self: Pin<&mut Self>) {
        if !self.bypass {
            self.viommu.requests().forget(self.id);
            self.viommu.free_domain_id(self.id);
        }
    }
}

/// A domain that translates.
pub(crate) struct Paging(Arc<Shared>);

impl Paging {
    /// Creates an empty domain.
    pub(crate) fn new(viommu: &Arc<Viommu>) -> Result<NewDomain<Self>> {
        let limits = viommu.limits();
        if !limits.granule_fits(to_u64(PAGE_SIZE)) {
            dev_err!(
                viommu.device(),
                "granule {:#x} larger than system page size {:#x}\n",
                limits.granule.bytes(),
                PAGE_SIZE
            );
            return Err(ENODEV);
        }
        let config = DomainConfig {
            pgsize_bitmap: usize::try_from(limits.page_sizes(to_u64(PAGE_SIZE)))?,
            aperture: limits.aperture.start()..=limits.aperture.last(),
            force_aperture: true,
        };
        let shared = Shared::translating(viommu)?;
        NewDomain::paging(config, Ok::<_, Error>(Self(shared)))
    }

    /// Creates a domain that maps each address to itself, but for `reserved`, in order.
    ///
    /// For devices that offer no bypass.
    pub(crate) fn identity(
        viommu: &Arc<Viommu>,
        reserved: impl Iterator<Item = IovaRange>,
    ) -> Result<NewDomain<Self>> {
        let limits = viommu.limits();
        let domain = Self::new(viommu)?;
        for iova in identity_ranges(limits.aperture, limits.granule, reserved) {
            let mapping = Mapping {
                iova,
                phys: iova.start(),
                flags: MapFlags::READ.union(MapFlags::WRITE),
            };
            domain.0.map(mapping, GFP_KERNEL)?;
        }
        Ok(domain)
    }

    /// Returns the range of `count` pages.
    fn range(iova: usize, pgsize: usize, count: usize) -> Result<IovaRange> {
        let size = pgsize.checked_mul(count).ok_or(EINVAL)?;
        IovaRange::from_len(to_u64(iova), to_u64(size)).ok_or(EINVAL)
    }

    /// Maps `iova` to the addresses from `paddr` on.
    fn map(&self, iova: IovaRange, paddr: PhysAddr, prot: Prots, flags: Flags) -> Result {
        let map_flags = MapFlags::new(
            prot.contains(Prot::Read),
            prot.contains(Prot::Write),
            prot.contains(Prot::Mmio),
        );
        if !self.0.viommu.limits().map_flags.contains(map_flags) {
            return Err(EINVAL);
        }
        let mapping = Mapping {
            iova,
            #[allow(clippy::useless_conversion)] // 32 bits wide on some systems.
            phys: paddr.into(),
            flags: map_flags,
        };
        self.0.map(mapping, flags)
    }
}

impl iommu::Domain for Paging {
    type Driver = Viommu;

    fn attach(&self, endpoint: &iommu::Endpoint<Viommu>) -> Result {
        endpoint.data().attach(endpoint, &self.0)
    }
}

#[vtable]
impl PagingDomain for Paging {
    fn map_pages(
        &self,
        iova: usize,
        paddr: PhysAddr,
        pgsize: usize,
        pgcount: usize,
        prot: Prots,
        flags: Flags,
    ) -> (usize, Result) {
        let mapped = Self::range(iova, pgsize, pgcount)
            .and_then(|range| self.map(range, paddr, prot, flags));
        match mapped {
            Ok(()) => (pgsize.saturating_mul(pgcount), Ok(())),
            Err(error) => (0, Err(error)),
        }
    }

    fn unmap_pages(
        &self,
        iova: usize,
        pgsize: usize,
        pgcount: usize,
        gather: &mut Gather<'_>,
    ) -> usize {
        let unmapped = Self::range(iova, pgsize, pgcount)
            .ok()
            .and_then(|range| self.0.unmap(range))
            .and_then(|range| usize::try_from(range.len()?).ok())
            .unwrap_or(0);
        gather.add_range(iova, unmapped);
        unmapped
    }

    fn iova_to_phys(&self, iova: DmaAddress) -> Option<PhysAddr> {
        let phys = self.0.mappings.lock().lookup(iova)?;
        PhysAddr::try_from(phys).ok()
    }

    fn flush_iotlb_all(&self) {
        self.0.sync_unmap(IovaRange::ALL);
    }

    fn iotlb_sync(&self, gather: &Gather<'_>) {
        let range = gather
            .range()
            .and_then(|range| IovaRange::new(to_u64(*range.start()), to_u64(*range.end())));
        if let Some(range) = range {
            self.0.sync_unmap(range);
        }
    }

    fn iotlb_sync_map(&self, iova: usize, size: usize) -> Result {
        let range = IovaRange::from_len(to_u64(iova), to_u64(size)).ok_or(EINVAL)?;
        self.0.viommu.requests().sync_map(self.0.id, range)
    }
}

/// A domain whose endpoints bypass translation.
pub(crate) struct Bypass(Arc<Shared>);

impl Bypass {
    /// Creates the domain with the ID that is set aside for it.
    pub(crate) fn new(viommu: &Arc<Viommu>, id: DomainId) -> Result<NewDomain<Self>> {
        let shared = Shared::new(viommu, id, true)?;
        NewDomain::identity(Ok::<_, Error>(Self(shared)))
    }
}

impl iommu::Domain for Bypass {
    type Driver = Viommu;

    fn attach(&self, endpoint: &iommu::Endpoint<Viommu>) -> Result {
        endpoint.data().attach(endpoint, &self.0)
    }
}
