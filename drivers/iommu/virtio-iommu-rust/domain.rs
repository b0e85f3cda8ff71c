// SPDX-License-Identifier: GPL-2.0

//! Domains: address spaces on the device that endpoints are attached to.
//!
//! # Lock order
//!
//! 1. the group's mutex (IOMMU core)
//! 2. `Viommu::attaching`
//! 3. `Shared::endpoints`
//! 4. the lock of the request queue
//!
//! Words of a domain's table change with the request queue locked, and with it the device hears of
//! the change or is known to be told later: so no mapping is sent twice or forgotten when an
//! endpoint comes at the same time.

use kernel::{
    alloc::Flags,
    dma::DmaAddress,
    io::PhysAddr,
    iommu::{
        self,
        DomainConfig,
        DomainFaults,
        Gather,
        NewBypassDomain,
        NewDomain,
        PagingDomain,
        Prot,
        Prots, //
    },
    page::PAGE_SIZE,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        new_mutex,
        Arc,
        Mutex, //
    }, //
};

use kernel::prelude::*;

use crate::{
    convert::to_u64,
    identity::identity_ranges,
    proto::{
        DomainId,
        MapFlags, //
    },
    radix::Radix,
    range::IovaRange,
    removal::Removal,
    shadow::{
        Mapping,
        Shadow, //
    },
    viommu::Viommu, //
};

/// What a domain does with the addresses of its endpoints.
enum Contents {
    /// It passes them through.
    Bypass,
    /// It translates them, always alike.
    Fixed(KVec<Mapping>),
    /// It translates them as it is told to.
    Changing(Shadow<Radix>),
}

/// The part of a domain that its endpoints share with it.
#[pin_data(PinnedDrop)]
pub(crate) struct Shared {
    viommu: Arc<Viommu>,
    id: DomainId,
    contents: Contents,
    /// Whether the device knows the domain. Changes with the request queue locked.
    attached: Atomic<bool>,
    /// The way to the user of the domain.
    faults: Arc<DomainFaults>,
    /// How many endpoints are in the domain.
    #[pin]
    endpoints: Mutex<usize>,
}

impl Shared {
    /// Creates a domain that translates, with an ID of its own.
    fn translating(viommu: &Arc<Viommu>, contents: Contents) -> Result<Arc<Self>> {
        let id = viommu.alloc_domain_id()?;
        Self::new(viommu, id, contents).inspect_err(|_| viommu.free_domain_id(id))
    }

    /// Creates a domain with `id`, which is freed with it unless it bypasses translation.
    fn new(viommu: &Arc<Viommu>, id: DomainId, contents: Contents) -> Result<Arc<Self>> {
        let faults = Arc::pin_init(DomainFaults::new(), GFP_KERNEL)?;
        Arc::pin_init(
            pin_init!(Self {
                viommu: viommu.clone(),
                id,
                contents,
                attached: Atomic::new(false),
                faults,
                endpoints <- new_mutex!(0, "virtio_iommu_endpoints"),
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
        matches!(self.contents, Contents::Bypass)
    }

    /// The way to the user of the domain, to tell of faults.
    pub(crate) fn faults(&self) -> &Arc<DomainFaults> {
        &self.faults
    }

    /// Counts one more endpoint. The first one makes the device hear of all mappings.
    ///
    /// After a failure the endpoint counts as well, until it was taken out: see [`Self::leave`].
    pub(crate) fn join(&self) -> Result {
        let mut endpoints = self.endpoints.lock();
        *endpoints += 1;
        if *endpoints > 1 {
            return Ok(());
        }
        self.set_attached(true);
        self.replay()
    }

    /// Counts one endpoint less; with the last one the device forgets the mappings.
    pub(crate) fn leave(&self) {
        let mut endpoints = self.endpoints.lock();
        *endpoints = endpoints.saturating_sub(1);
        if *endpoints == 0 {
            self.device_forgets();
        }
    }

    /// Counts one more endpoint on a device that sleeps.
    pub(crate) fn join_asleep(&self) {
        *self.endpoints.lock() += 1;
    }

    /// Keeps the mappings from the device, which is about to forget them.
    pub(crate) fn stop(&self) {
        self.device_forgets();
    }

    /// Sends the mappings to a device that was just told of the domain and all its endpoints.
    pub(crate) fn start(&self) -> Result {
        let endpoints = self.endpoints.lock();
        if *endpoints == 0 || self.attached.load(Relaxed) {
            return Ok(());
        }
        self.set_attached(true);
        self.replay()
    }

    /// Lets the next mappings find out that the device is lost.
    pub(crate) fn give_up(&self) {
        self.set_attached(true);
    }

    fn set_attached(&self, attached: bool) {
        let _order = self.viommu.requests().lock();
        self.attached.store(attached, Relaxed);
    }

    /// Takes note that the device does not know the domain any more.
    fn device_forgets(&self) {
        let requests = self.viommu.requests();
        self.set_attached(false);
        requests.forget(self.id);
        if let Contents::Changing(shadow) = &self.contents {
            let mut next = Some(0);
            while let Some(page) = next {
                let _order = requests.lock();
                next = shadow.forget_sent(page);
            }
        }
    }

    /// Sends the mappings that the device does not have, as many at a time as fit the queue.
    fn replay(&self) -> Result {
        match &self.contents {
            Contents::Bypass => return Ok(()),
            Contents::Fixed(mappings) => {
                for mapping in mappings.iter() {
                    while !self.viommu.requests().lock().try_map(self.id, mapping)? {
                        self.viommu.requests().wait_for_room()?;
                    }
                }
            }
            Contents::Changing(shadow) => self.replay_shadow(shadow)?,
        }
        self.viommu.requests().sync_map(self.id, IovaRange::ALL)
    }

    fn replay_shadow(&self, shadow: &Shadow<Radix>) -> Result {
        let requests = self.viommu.requests();
        let mut next = Some(0);
        while let Some(page) = next {
            let mut full = false;
            let mut queue = requests.lock();
            next = shadow.send_missing(page, |mapping| {
                let fits = queue.try_map(self.id, mapping)?;
                full = !fits;
                Ok::<_, Error>(fits)
            })?;
            drop(queue);
            if full {
                requests.wait_for_room()?;
            }
        }
        Ok(())
    }

    /// The mappings, if they can be changed.
    fn shadow(&self) -> Result<&Shadow<Radix>> {
        match &self.contents {
            Contents::Changing(shadow) => Ok(shadow),
            Contents::Bypass | Contents::Fixed(_) => Err(EPERM),
        }
    }

    /// Returns what `address` is mapped to.
    #[inline]
    fn lookup(&self, address: u64) -> Option<u64> {
        match &self.contents {
            Contents::Bypass => Some(address),
            Contents::Fixed(mappings) => mappings
                .iter()
                .find(|mapping| mapping.iova.contains(address))
                .map(|mapping| mapping.phys.wrapping_add(address - mapping.iova.start())),
            Contents::Changing(shadow) => shadow.lookup(address),
        }
    }

    /// Adds a mapping, and sends it if the domain is on the device.
    ///
    /// An overlap is refused: the device would refuse it too.
    fn map(&self, mapping: &Mapping, flags: Flags) -> Result {
        let shadow = self.shadow()?;
        // The caller lets nobody else map or unmap these addresses.
        if let Some(vacancy) = shadow.vacancy(mapping.iova) {
            return self.add(mapping, |sent| shadow.fill(&vacancy, mapping, sent));
        }
        for piece in shadow.pieces(mapping.iova) {
            shadow.table().reserve(piece.page, piece.order, flags)?;
        }
        if !shadow.is_vacant(mapping.iova) {
            return Err(EEXIST);
        }
        self.add(mapping, |sent| shadow.insert(mapping, sent))
    }

    /// Sends a mapping if the domain is on the device, and calls `keep` with whether it was sent.
    #[inline]
    fn add(&self, mapping: &Mapping, keep: impl FnOnce(bool)) -> Result {
        let requests = self.viommu.requests();
        loop {
            let mut queue = requests.lock();
            let fits = if self.attached.load(Relaxed) {
                queue.try_map(self.id, mapping)
            } else {
                Err(EBUSY)
            };
            let sent = match fits {
                Ok(true) => Some(true),
                Ok(false) => None,
                // The device sleeps or has no such domain. It will be told when it has.
                Err(EBUSY) => Some(false),
                Err(error) => return Err(error),
            };
            if let Some(sent) = sent {
                keep(sent);
                return Ok(());
            }
            drop(queue);
            requests.wait_for_room()?;
        }
    }

    /// Removes mappings and puts the UNMAP off; returns what is unmapped.
    fn unmap(&self, iova: IovaRange) -> Option<IovaRange> {
        let shadow = self.shadow().ok()?;
        let requests = self.viommu.requests();
        let mut removal = Removal::new(shadow, iova);
        loop {
            let mut queue = requests.lock();
            if !removal.step(shadow) {
                continue;
            }
            let removed = removal.removed(shadow)?;
            let on_device = removed.sent && self.attached.load(Relaxed);
            let deferred = !on_device || queue.defer_unmap(self.id, removed.iova);
            let due = queue.is_due();
            drop(queue);
            let room = if due {
                requests.send_deferred()
            } else {
                Ok(())
            };
            match room {
                _ if deferred => return Some(removed.iova),
                Ok(()) => {}
                // A device that sleeps has forgotten the mapping, or is about to.
                Err(EBUSY) => return Some(removed.iova),
                Err(error) => {
                    self.report_stale(removed.iova, error);
                    return Some(removed.iova);
                }
            }
        }
    }

    /// Waits for the UNMAP requests of `iova`.
    fn sync_unmap(&self, iova: IovaRange) {
        let synced = self
            .viommu
            .requests()
            .sync_unmap(self.id, iova, |stale, error| {
                self.report_stale(stale, error)
            });
        match synced {
            // As above.
            Ok(()) | Err(EBUSY) => {}
            Err(error) => self.report_stale(iova, error),
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
        if !self.bypass() {
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
        let page = limits.smallest_page();
        let last = limits.aperture.last();
        let shadow = Shadow::new(Radix::new(last >> page.shift())?, page, last);
        Self::with(viommu, Contents::Changing(shadow))
    }

    /// Creates a domain that maps each address to itself, but for `reserved`, in order.
    ///
    /// For devices that offer no bypass.
    pub(crate) fn identity(
        viommu: &Arc<Viommu>,
        reserved: impl Iterator<Item = IovaRange>,
    ) -> Result<NewDomain<Self>> {
        let limits = viommu.limits();
        let mut mappings = KVec::new();
        for iova in identity_ranges(limits.aperture, limits.granule, reserved) {
            let mapping = Mapping {
                iova,
                phys: iova.start(),
                flags: MapFlags::READ.union(MapFlags::WRITE),
            };
            mappings.push(mapping, GFP_KERNEL)?;
        }
        Self::with(viommu, Contents::Fixed(mappings))
    }

    /// Creates a domain with `contents`.
    fn with(viommu: &Arc<Viommu>, contents: Contents) -> Result<NewDomain<Self>> {
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
        let shared = Shared::translating(viommu, contents)?;
        let faults = shared.faults.clone();
        NewDomain::paging_with_faults(config, faults, Ok::<_, Error>(Self(shared)))
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
        self.0.map(&mapping, flags)
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

    #[inline]
    fn iova_to_phys(&self, iova: DmaAddress) -> Option<PhysAddr> {
        let phys = self.0.lookup(iova)?;
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
        // What is made of a list of nothing but addresses on the bus.
        if size == 0 {
            return Ok(());
        }
        let range = IovaRange::from_len(to_u64(iova), to_u64(size)).ok_or(EINVAL)?;
        self.0.viommu.requests().sync_map(self.0.id, range)
    }
}

/// A domain whose endpoints bypass translation.
pub(crate) struct Bypass(Arc<Shared>);

impl Bypass {
    /// Creates the domain with the ID that is set aside for it.
    pub(crate) fn new(viommu: &Arc<Viommu>, id: DomainId) -> Result<NewBypassDomain<Self>> {
        let shared = Shared::new(viommu, id, Contents::Bypass)?;
        NewBypassDomain::new(Ok::<_, Error>(Self(shared)))
    }
}

impl iommu::Domain for Bypass {
    type Driver = Viommu;

    fn attach(&self, endpoint: &iommu::Endpoint<Viommu>) -> Result {
        endpoint.data().attach(endpoint, &self.0)
    }
}
