// SPDX-License-Identifier: GPL-2.0

//! Tests of the IOMMU driver interface.
//!
//! A mock driver is registered with the core, so that all calls but those of the plain types go
//! through the C tables.

use super::{
    software::{
        SoftwareEndpoint,
        SoftwareNode, //
    },
    *, //
};
use crate::{
    alloc, bindings,
    device::Device,
    dma::DmaAddress,
    faux,
    io::PhysAddr,
    new_spinlock_irq,
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        SpinLockIrq, //
    },
};

/// An id for which the mock driver refuses the endpoint.
const REFUSED_ID: u32 = 99;
/// Number of pages that a mock domain can map.
const PAGES: usize = 16;
/// Mapping this page reports success without progress.
const STUCK_PAGE: usize = 17;
/// Mapping this page reports more than was asked for.
const BOASTING_PAGE: usize = 18;

/// An IOMMU that counts what happens to it.
#[derive(Default)]
struct Mock {
    probed: Counter,
    released: Counter,
    blocked: Counter,
    domains: Counter,
    freed: Counter,
    synced: Counter,
    mapped: Counter,
}

struct Counter(Atomic<usize>);

impl Default for Counter {
    fn default() -> Self {
        Self(Atomic::new(0))
    }
}

impl Counter {
    fn count(&self) {
        self.0.fetch_add(1usize, Relaxed);
    }

    fn get(&self) -> usize {
        self.0.load(Relaxed)
    }
}

crate::iommu_ops! { static MOCK_OPS: Mock; }

#[vtable]
impl Driver for Mock {
    type Endpoint = u32;
    type Paging = MockDomain;
    type Identity = NoIdentity<Self>;

    fn probe_device(
        instance: &Arc<Self>,
        _dev: &Device,
        fwspec: &FwSpec<'_>,
    ) -> Result<impl PinInit<u32, Error>> {
        let id = *fwspec.ids().first().ok_or(EINVAL)?;
        if id == REFUSED_ID {
            return Err(ENODEV);
        }
        instance.probed.count();
        Ok(Ok::<_, Error>(id))
    }

    fn block(endpoint: &Endpoint<Self>) -> Result {
        endpoint.instance().blocked.count();
        Ok(())
    }

    fn release_device(endpoint: &Endpoint<Self>) {
        endpoint.instance().released.count();
    }

    fn capable(_endpoint: &Endpoint<Self>, cap: Capability) -> bool {
        cap == Capability::CacheCoherency
    }

    fn reserved_regions(_endpoint: &Endpoint<Self>, list: &mut ReservedRegions<'_>) -> Result {
        for (start, kind) in [(3, ReservedKind::Reserved), (1, ReservedKind::Msi)] {
            list.add(ReservedRegion {
                start,
                length: PAGE_SIZE,
                prot: Prot::Write | Prot::Mmio,
                kind,
            })?;
        }
        list.add_firmware();
        Ok(())
    }

    fn alloc_paging(endpoint: &Endpoint<Self>) -> Result<NewDomain<MockDomain>> {
        let instance = endpoint.instance().clone();

        instance.domains.count();
        NewDomain::paging(
            config(PAGE_SIZE, 0..=DmaAddress::from(u32::MAX)),
            try_pin_init!(MockDomain {
                instance,
                pages <- new_spinlock_irq!([None; PAGES]),
            }),
        )
    }

    fn alloc_identity(endpoint: &Endpoint<Self>) -> Result<IdentityDomain<Self>> {
        let domain = Self::alloc_paging(endpoint)?;

        domain.pages.lock()[0] = Some(0);
        Ok(IdentityDomain::Mapped(domain))
    }
}

#[pin_data(PinnedDrop)]
struct MockDomain {
    instance: Arc<Mock>,
    #[pin]
    pages: SpinLockIrq<[Option<PhysAddr>; PAGES]>,
}

#[pinned_drop]
impl PinnedDrop for MockDomain {
    fn drop(self: Pin<&mut Self>) {
        self.instance.freed.count();
    }
}

impl Domain for MockDomain {
    type Driver = Mock;

    fn attach(&self, endpoint: &Endpoint<Mock>) -> Result {
        if !Arc::ptr_eq(endpoint.instance(), &self.instance) {
            return Err(EINVAL);
        }
        Ok(())
    }
}

#[vtable]
impl PagingDomain for MockDomain {
    fn map_pages(
        &self,
        iova: usize,
        paddr: PhysAddr,
        pgsize: usize,
        pgcount: usize,
        prot: Prots,
        _flags: alloc::Flags,
    ) -> (usize, Result) {
        if !prot.contains(Prot::Read) {
            return (0, Err(EACCES));
        }
        match iova / PAGE_SIZE {
            STUCK_PAGE => return (pgsize - 1, Ok(())),
            BOASTING_PAGE => return (usize::MAX, Ok(())),
            _ => (),
        }

        let mut pages = self.pages.lock();
        // At most two pages in a call, so that the core has to come back.
        for page in 0..pgcount.min(2) {
            let Some(slot) = pages.get_mut(iova / PAGE_SIZE + page) else {
                return (page * pgsize, Err(ENOSPC));
            };
            *slot = Some(paddr + (page * pgsize) as PhysAddr);
            self.instance.mapped.count();
        }
        (pgcount.min(2) * pgsize, Ok(()))
    }

    fn unmap_pages(
        &self,
        iova: usize,
        pgsize: usize,
        pgcount: usize,
        gather: &mut Gather<'_>,
    ) -> usize {
        let mut pages = self.pages.lock();
        let range = pages.iter_mut().skip(iova / PAGE_SIZE).take(pgcount);
        let unmapped = range.map_while(|slot| slot.take()).count() * pgsize;

        gather.add_range(iova, unmapped);
        unmapped
    }

    fn iova_to_phys(&self, iova: DmaAddress) -> Option<PhysAddr> {
        let page = *self.pages.lock().get(iova as usize / PAGE_SIZE)?;

        Some(page? + iova % PAGE_SIZE as DmaAddress)
    }

    fn flush_iotlb_all(&self) {
        self.instance.synced.count();
    }

    fn iotlb_sync(&self, gather: &Gather<'_>) {
        if gather.range().is_some() {
            self.instance.synced.count();
        }
    }
}

fn config(pgsize_bitmap: usize, aperture: core::ops::RangeInclusive<DmaAddress>) -> DomainConfig {
    DomainConfig {
        pgsize_bitmap,
        aperture,
        force_aperture: true,
    }
}

/// Registers a mock IOMMU, runs `f`, takes all down and checks that nothing is left.
///
/// What is left makes it [`EBUSY`]: an `assert` fails a test only in the test's own function, and
/// is a panic anywhere else.
fn with_mock(f: impl FnOnce(&Registration<Mock>) -> Result) -> Result {
    with_named_mock(c"rust-iommu-mock", f)
}

fn with_named_mock(name: &CStr, f: impl FnOnce(&Registration<Mock>) -> Result) -> Result {
    let faux = faux::Registration::new(name, None)?;
    let fwnode = Some(SoftwareNode::new()?.fwnode());
    let mock = Arc::new(Mock::default(), GFP_KERNEL)?;

    let dev = faux.as_ref().as_ref();
    let registration = Registration::with_fwnode(dev, fwnode, name, mock.clone())?;
    let result = f(&registration);
    drop(registration);

    let balanced =
        mock.probed.get() == mock.released.get() && mock.domains.get() == mock.freed.get();
    if !balanced || Arc::into_unique_or_drop(mock).is_none() {
        return Err(EBUSY);
    }
    result
}

#[macros::kunit_tests(rust_iommu)]
mod cases {
    use super::*;

    const RW: fn() -> Prots = || Prot::Read | Prot::Write;

    #[test]
    fn prots_follow_the_c_flags() {
        for (raw, prot) in [
            (bindings::IOMMU_READ, Prot::Read),
            (bindings::IOMMU_WRITE, Prot::Write),
            (bindings::IOMMU_CACHE, Prot::Cache),
            (bindings::IOMMU_NOEXEC, Prot::NoExec),
            (bindings::IOMMU_MMIO, Prot::Mmio),
            (bindings::IOMMU_PRIV, Prot::Privileged),
        ] {
            assert_eq!(Prots::from_raw(raw as c_int), prot.into());
            assert_eq!(Prots::from(prot).into_raw(), raw as c_int);
        }
        assert_eq!(Prots::from_raw(0), Prots::empty());
        assert_eq!(u32::from(Prots::from_raw(-1)), Prots::all_bits());
    }

    #[test]
    fn unknown_capability_is_none() {
        let raw = bindings::iommu_cap::IOMMU_CAP_DEFERRED_FLUSH;

        assert_eq!(Capability::from_raw(raw), Some(Capability::DeferredFlush));
        assert_eq!(Capability::from_raw(bindings::iommu_cap(u32::MAX)), None);
    }

    #[test]
    fn domain_config_limits() {
        let range = || 0..=DmaAddress::MAX;
        let (start, end) = (6, 5);

        assert!(config(PAGE_SIZE, range()).check().is_ok());
        assert!(config(usize::MAX, range()).check().is_ok());
        assert!(config(PAGE_SIZE, 5..=5).check().is_ok());
        assert_eq!(config(0, range()).check(), Err(EINVAL));
        assert_eq!(config(2 * PAGE_SIZE, range()).check(), Err(EINVAL));
        assert_eq!(config(PAGE_SIZE, start..=end).check(), Err(EINVAL));
    }

    #[test]
    fn gather_merges_ranges() {
        let mut raw = bindings::iommu_iotlb_gather::default();
        // SAFETY: `raw` is not moved from here on.
        unsafe { bindings::iommu_iotlb_gather_init(&mut raw) };
        // SAFETY: `raw` is valid, and only used through `gather` from here on.
        let mut gather = unsafe { Gather::from_raw(&mut raw) };

        assert_eq!(gather.range(), None);
        assert!(!gather.is_queued());
        assert!(!gather.is_disjoint(0x5000, 0x1000));
        gather.add_range(0x5000, 0);
        assert_eq!(gather.range(), None);
        gather.add_range(0x5000, 0x1000);
        assert_eq!(gather.range(), Some(0x5000..=0x5fff));
        assert!(!gather.is_disjoint(0x6000, 0x1000));
        assert!(!gather.is_disjoint(0x4000, 0x1000));
        assert!(gather.is_disjoint(0x6001, 0x1000));
        assert!(gather.is_disjoint(0x3fff, 0x1000));
        gather.add_range(0x1000, 0x1000);
        assert_eq!(gather.range(), Some(0x1000..=0x5fff));
        gather.add_range(usize::MAX - 1, 0x1000);
        assert_eq!(gather.range(), Some(0x1000..=usize::MAX));
    }

    #[test]
    fn maps_and_unmaps_through_the_core() -> Result {
        with_mock(|registration| {
            let endpoint = SoftwareEndpoint::new(registration, c"rust-iommu-ep", &[7])?;
            let mut mappings = endpoint.attach()?;
            let paddr = 0x10 * PAGE_SIZE as PhysAddr;
            let mock = registration.instance();
            let last = 6 * PAGE_SIZE as DmaAddress + 8;

            mappings.map(2 * PAGE_SIZE, paddr, 5 * PAGE_SIZE, RW(), GFP_KERNEL)?;
            assert_eq!(mock.mapped.get(), 5);
            let expected = paddr + 4 * PAGE_SIZE as PhysAddr + 8;
            assert_eq!(mappings.iova_to_phys(last), Some(expected));

            let synced = mock.synced.get();
            assert_eq!(mappings.unmap(2 * PAGE_SIZE, 5 * PAGE_SIZE), 5 * PAGE_SIZE);
            assert_eq!(mock.synced.get(), synced + 1);
            assert_eq!(mappings.iova_to_phys(last), None);
            assert_eq!(mappings.unmap(2 * PAGE_SIZE, PAGE_SIZE), 0);
            Ok(())
        })
    }

    #[test]
    fn failed_map_is_undone() -> Result {
        with_mock(|registration| {
            let endpoint = SoftwareEndpoint::new(registration, c"rust-iommu-ep", &[7])?;
            let mut mappings = endpoint.attach()?;
            let mut map = |page: usize, pages: usize, prot| {
                let size = pages * PAGE_SIZE;
                let result = mappings.map(page * PAGE_SIZE, 0, size, prot, GFP_KERNEL);
                (result, mappings.unmap(page * PAGE_SIZE, PAGE_SIZE))
            };

            assert_eq!(map(PAGES - 3, 4, RW()), (Err(ENOSPC), 0));
            assert_eq!(map(0, 1, Prot::Write.into()), (Err(EACCES), 0));
            assert_eq!(map(STUCK_PAGE, 1, RW()), (Err(EIO), 0));
            assert_eq!(map(BOASTING_PAGE, 1, RW()), (Ok(()), 0));
            Ok(())
        })
    }

    #[test]
    fn endpoint_knows_its_ids() -> Result {
        with_mock(|registration| {
            let ids = [7, 8, 9];
            let endpoint = SoftwareEndpoint::new(registration, c"rust-iommu-ep", &ids)?;
            let dev = endpoint.device().as_raw();
            // SAFETY: The device was probed by the mock driver and is not released here.
            let seen = unsafe { Endpoint::<Mock>::try_from_raw(dev) }.ok_or(ENODEV)?;

            assert_eq!(seen.ids(), &ids);
            assert_eq!(seen.data(), &7);
            assert_eq!(seen.device().as_raw(), dev);
            assert!(Arc::ptr_eq(seen.instance(), registration.instance()));

            let capable = |cap| {
                // SAFETY: The device is valid.
                unsafe { bindings::device_iommu_capable(dev, cap) }
            };
            assert!(capable(bindings::iommu_cap::IOMMU_CAP_CACHE_COHERENCY));
            assert!(!capable(bindings::iommu_cap::IOMMU_CAP_NOEXEC));
            Ok(())
        })
    }

    #[test]
    fn refused_endpoint_is_no_endpoint() -> Result {
        with_mock(|registration| {
            let endpoint = SoftwareEndpoint::new(registration, c"rust-iommu-ep", &[REFUSED_ID]);
            assert_eq!(endpoint.err(), Some(ENODEV));

            let endpoint = SoftwareEndpoint::new(registration, c"rust-iommu-ep", &[]);
            assert!(endpoint.is_err());
            assert_eq!(registration.instance().probed.get(), 0);
            Ok(())
        })
    }

    #[test]
    fn attach_tells_instances_apart() -> Result {
        with_mock(|one| {
            with_named_mock(c"rust-iommu-other-mock", |other| {
                let near = SoftwareEndpoint::new(one, c"rust-iommu-near", &[1])?;
                let far = SoftwareEndpoint::new(other, c"rust-iommu-far", &[1])?;
                let mappings = near.attach()?;
                let dev = far.device().as_raw();

                assert_eq!(near.attach().err(), Some(EBUSY));
                // SAFETY: Both are valid.
                let ret = unsafe { bindings::iommu_attach_device(mappings.as_raw(), dev) };
                assert_eq!(ret, EINVAL.to_errno());
                Ok(())
            })
        })
    }

    #[test]
    fn endpoints_are_cut_off_before_their_release() -> Result {
        with_mock(|registration| {
            let mock = registration.instance();
            let endpoint = SoftwareEndpoint::new(registration, c"rust-iommu-ep", &[7])?;
            let dev = endpoint.device().as_raw();
            // SAFETY: The table is valid.
            let blocked = unsafe { (*Mock::ops().as_raw()).blocked_domain };
            assert!(!blocked.is_null());
            // SAFETY: The domain is static and has a table.
            let attach = unsafe { (*(*blocked).ops).attach_dev }.ok_or(EINVAL)?;

            // SAFETY: The device was probed by the mock driver.
            assert_eq!(unsafe { attach(blocked, dev, core::ptr::null_mut()) }, 0);
            assert_eq!((mock.blocked.get(), mock.released.get()), (1, 0));
            drop(endpoint);
            assert_eq!((mock.blocked.get(), mock.released.get()), (2, 1));
            Ok(())
        })
    }

    #[test]
    fn specifier_is_one_cell() -> Result {
        with_mock(|registration| {
            let endpoint = SoftwareEndpoint::new(registration, c"rust-iommu-ep", &[7])?;
            let dev = endpoint.device();
            // SAFETY: The table is valid.
            let of_xlate = unsafe { (*Mock::ops().as_raw()).of_xlate }.ok_or(EINVAL)?;
            let translate = |args_count| {
                let mut args = bindings::of_phandle_args::default();
                args.args_count = args_count;
                args.args[0] = 8;
                // SAFETY: Nobody but this test knows the device, so its ids do not change meanwhile.
                unsafe { of_xlate(dev.as_raw(), &args) }
            };
            // SAFETY: As above; the comparison is done before the next change.
            let has_ids = |ids: &[u32]| unsafe { FwSpec::of(dev) }.is_some_and(|s| s.ids() == ids);

            for args_count in [-1, 0, 2, c_int::MAX] {
                assert_eq!(translate(args_count), EINVAL.to_errno());
            }
            assert!(has_ids(&[7]));
            assert_eq!(translate(1), 0);
            assert!(has_ids(&[7, 8]));
            Ok(())
        })
    }

    #[test]
    fn reserved_regions_keep_their_order() -> Result {
        with_mock(|registration| {
            let endpoint = SoftwareEndpoint::new(registration, c"rust-iommu-ep", &[7])?;
            let dev = endpoint.device().as_raw();
            let mut head = bindings::list_head::default();
            let mut seen = KVec::new();

            // SAFETY: `head` is not moved before the list is freed.
            unsafe { bindings::INIT_LIST_HEAD(&mut head) };
            // SAFETY: The device is behind an IOMMU, and `head` is initialised.
            unsafe { bindings::iommu_get_resv_regions(dev, &mut head) };
            let mut entry = head.next;
            while !core::ptr::eq(entry, &head) {
                let region = entry.cast::<bindings::iommu_resv_region>();
                // SAFETY: The list consists of regions, with the list entry as the first field.
                let (start, kind, prot) =
                    unsafe { ((*region).start, (*region).type_, (*region).prot) };
                seen.push((start, kind, Prots::from_raw(prot)), GFP_KERNEL)?;
                // SAFETY: As above.
                entry = unsafe { (*entry).next };
            }
            // SAFETY: The list was made by `iommu_get_resv_regions()`.
            unsafe { bindings::iommu_put_resv_regions(dev, &mut head) };

            let prot = Prot::Write | Prot::Mmio;
            let reserved = bindings::iommu_resv_type_IOMMU_RESV_RESERVED;
            let msi = bindings::iommu_resv_type_IOMMU_RESV_MSI;
            assert_eq!(&seen[..], &[(3, reserved, prot), (1, msi, prot)]);
            Ok(())
        })
    }

    #[test]
    fn identity_may_be_mapped() -> Result {
        with_mock(|registration| {
            let endpoint = SoftwareEndpoint::new(registration, c"rust-iommu-ep", &[7])?;
            let dev = endpoint.device().as_raw();
            // SAFETY: The table is valid.
            let alloc = unsafe { (*Mock::ops().as_raw()).domain_alloc_identity }.ok_or(EINVAL)?;
            // SAFETY: The device was probed by the mock driver.
            let domain = crate::error::from_err_ptr(unsafe { alloc(dev) })?;

            // SAFETY: The domain is valid.
            assert_eq!(unsafe { (*domain).pgsize_bitmap }, PAGE_SIZE);
            // SAFETY: The domain was allocated above and is attached to nothing.
            unsafe { bindings::iommu_domain_free(domain) };
            Ok(())
        })
    }

    /// What the fault handler was called with last.
    #[derive(Default, PartialEq, Debug)]
    struct Told {
        dev: usize,
        iova: usize,
        flags: c_int,
    }

    /// Refuses faults at address 0.
    ///
    /// # Safety
    ///
    /// `token` must be valid for a write of [`Told`].
    unsafe extern "C" fn handler(
        _domain: *mut bindings::iommu_domain,
        dev: *mut bindings::device,
        iova: usize,
        flags: c_int,
        token: *mut c_void,
    ) -> c_int {
        // SAFETY: By the safety requirements.
        unsafe {
            *token.cast::<Told>() = Told {
                dev: dev.addr(),
                iova,
                flags,
            }
        };
        if iova == 0 {
            EFAULT.to_errno()
        } else {
            0
        }
    }

    #[test]
    fn faults_reach_the_user_of_a_domain_until_it_is_freed() -> Result {
        with_mock(|registration| {
            let endpoint = SoftwareEndpoint::new(registration, c"rust-iommu-ep", &[7])?;
            let dev = endpoint.device();
            let faults = Arc::pin_init(DomainFaults::new(), GFP_KERNEL)?;
            let instance = registration.instance();
            let new_domain = || {
                instance.domains.count();
                NewDomain::paging_with_faults(
                    config(PAGE_SIZE, 0..=DmaAddress::from(u32::MAX)),
                    faults.clone(),
                    try_pin_init!(MockDomain {
                        instance: instance.clone(),
                        pages <- new_spinlock_irq!([None; PAGES]),
                    }),
                )
            };
            let fault = |iova, access| PageFault { iova, access };
            let write = fault(0x1234, FaultAccess::Write);
            let mut told = Told::default();

            assert_eq!(faults.report(dev, &write), Err(ENODEV));
            let domain = new_domain()?.into_raw();
            assert_eq!(new_domain().err(), Some(EBUSY));
            assert_eq!(faults.report(dev, &write), Err(ENOSYS));

            let token = (&raw mut told).cast();
            // SAFETY: The domain is valid, and is freed before `told`, which only the handler uses
            // while there is a fault to report.
            unsafe { bindings::iommu_set_fault_handler(domain, Some(handler), token) };
            assert_eq!(faults.report(dev, &write), Ok(()));
            let expected = |iova, flags| Told {
                dev: dev.as_raw().addr(),
                iova,
                flags,
            };
            // SAFETY: Only the handler writes to it, and not now.
            assert_eq!(unsafe { (&raw const told).read() }, expected(0x1234, 1));
            let read = fault(0, FaultAccess::Read);
            assert_eq!(faults.report(dev, &read), Err(EFAULT));
            // SAFETY: As above.
            assert_eq!(unsafe { (&raw const told).read() }, expected(0, 0));

            // SAFETY: Nothing was ever attached to the domain.
            unsafe { bindings::iommu_domain_free(domain) };
            told = Told::default();
            assert_eq!(faults.report(dev, &write), Err(ENODEV));
            assert_eq!(told, Told::default());
            // Another domain can take the place.
            drop(new_domain()?);
            Ok(())
        })
    }

    #[test]
    fn iommu_without_node_gets_no_endpoints() -> Result {
        let faux = faux::Registration::new(c"rust-iommu-mock", None)?;
        let dev = faux.as_ref().as_ref();
        let mock = Arc::new(Mock::default(), GFP_KERNEL)?;
        let registration = Registration::with_fwnode(dev, None, c"rust-iommu-mock", mock.clone())?;

        let endpoint = SoftwareEndpoint::new(&registration, c"rust-iommu-ep", &[7]);
        assert_eq!(endpoint.err(), Some(EINVAL));
        drop(registration);
        assert_eq!(mock.probed.get(), 0);
        assert!(Arc::into_unique_or_drop(mock).is_some());
        Ok(())
    }
}
