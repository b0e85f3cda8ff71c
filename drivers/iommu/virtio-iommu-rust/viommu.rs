// SPDX-License-Identifier: GPL-2.0

//! One virtio-iommu device as the IOMMU core sees it.

use kernel::{
    device,
    ida::Ida,
    iommu::{
        self,
        Capability,
        FwSpec,
        IdentityDomain,
        NewDomain,
        Prot,
        Prots,
        ReservedKind,
        ReservedRegion,
        ReservedRegions, //
    },
    ratelimit::RateLimit,
    sync::{
        aref::ARef,
        new_mutex,
        Arc,
        Mutex, //
    }, //
};

use kernel::prelude::*;

use crate::{
    domain::{
        Bypass,
        Paging, //
    },
    endpoint::EndpointState,
    faults::Faults,
    limits::Limits,
    probe::{
        ResvKind,
        ResvMem, //
    },
    proto::DomainId,
    regions::needs_software_msi,
    requests::Requests,
    roll::Roll, //
};

/// Where MSIs are mapped on architectures whose MSIs are translated, if the device has no window
/// for them. The same as in other IOMMU drivers.
const SOFTWARE_MSI: (u64, usize) = (0x800_0000, 0x10_0000);

/// One device.
#[pin_data]
pub(crate) struct Viommu {
    dev: ARef<device::Device>,
    limits: Limits,
    #[pin]
    requests: Requests,
    faults: Arc<Faults>,
    #[pin]
    domain_ids: Ida,
    /// The endpoints. Locked while they move between domains.
    #[pin]
    pub(crate) attaching: Mutex<Roll>,
    /// On messages about mappings that the device did not remove.
    #[pin]
    pub(crate) stale_limit: RateLimit,
}

impl Viommu {
    /// Creates the state of the device `dev` that answers `requests` and reports `faults`.
    pub(crate) fn new(
        dev: ARef<device::Device>,
        limits: Limits,
        requests: impl PinInit<Requests>,
        faults: Arc<Faults>,
    ) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                dev,
                limits,
                requests <- requests,
                faults,
                domain_ids <- Ida::new(),
                attaching <- new_mutex!(Roll::new(), "virtio_iommu_attaching"),
                stale_limit <- RateLimit::new(c"virtio_iommu unmap"),
            }),
            GFP_KERNEL,
        )
    }

    /// The device, for messages.
    pub(crate) fn device(&self) -> &device::Device {
        &self.dev
    }

    /// What the device can do.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The way to talk to the device.
    pub(crate) fn requests(&self) -> &Requests {
        &self.requests
    }

    /// The endpoints by the IDs in fault reports.
    pub(crate) fn faults(&self) -> &Arc<Faults> {
        &self.faults
    }

    /// Allocates an ID for a domain that translates.
    pub(crate) fn alloc_domain_id(&self) -> Result<DomainId> {
        let ids = self.limits.domains.ok_or(ENOSPC)?;
        let id = self
            .domain_ids
            .alloc(ids.first.get()..=ids.last.get(), GFP_KERNEL)?;
        Ok(DomainId::new(id))
    }

    /// Gives the ID of a domain back.
    pub(crate) fn free_domain_id(&self, id: DomainId) {
        self.domain_ids.free(id.get());
    }
}

kernel::iommu_ops! { static VIOMMU_OPS: Viommu; }

#[vtable]
impl iommu::Driver for Viommu {
    type Endpoint = EndpointState;
    type Paging = Paging;
    type Identity = Bypass;

    // They sleep before the IOMMU does, and do not outlive it.
    const LINK_ENDPOINTS: bool = true;

    fn probe_device(
        instance: &Arc<Self>,
        dev: &device::Device,
        fwspec: &FwSpec<'_>,
    ) -> Result<impl PinInit<EndpointState, Error>> {
        EndpointState::probe(instance, dev, fwspec.ids()).map(Ok)
    }

    fn block(endpoint: &iommu::Endpoint<Self>) -> Result {
        endpoint.data().block(endpoint)
    }

    fn release_device(endpoint: &iommu::Endpoint<Self>) {
        endpoint.data().release(endpoint);
    }

    fn capable(_endpoint: &iommu::Endpoint<Self>, cap: Capability) -> bool {
        matches!(cap, Capability::CacheCoherency | Capability::DeferredFlush)
    }

    fn reserved_regions(
        endpoint: &iommu::Endpoint<Self>,
        list: &mut ReservedRegions<'_>,
    ) -> Result {
        let reserved = endpoint.data().reserved();
        for mem in reserved {
            list.add(region(mem)?)?;
        }
        // An MSI is translated only where the interrupt controller says so.
        if needs_software_msi(cfg!(CONFIG_IRQ_MSI_IOMMU), reserved) {
            let (start, length) = SOFTWARE_MSI;
            list.add(ReservedRegion {
                start,
                length,
                prot: msi_prot(),
                kind: ReservedKind::SwMsi,
            })?;
        }
        list.add_firmware();
        Ok(())
    }

    fn alloc_paging(endpoint: &iommu::Endpoint<Self>) -> Result<NewDomain<Paging>> {
        Paging::new(endpoint.instance())
    }

    fn alloc_identity(endpoint: &iommu::Endpoint<Self>) -> Result<IdentityDomain<Self>> {
        let viommu = endpoint.instance();
        match viommu.limits().identity {
            Some(id) => Bypass::new(viommu, id).map(IdentityDomain::Bypass),
            None => {
                let reserved = endpoint.data().reserved().iter().map(|mem| mem.range);
                Paging::identity(viommu, reserved).map(IdentityDomain::Mapped)
            }
        }
    }
}

/// The accesses that an MSI window is for.
fn msi_prot() -> Prots {
    Prot::Write | Prot::NoExec | Prot::Mmio
}

/// Returns a region of the device as the IOMMU core describes it.
fn region(mem: &ResvMem) -> Result<ReservedRegion> {
    let (kind, prot) = match mem.kind {
        ResvKind::Msi => (ReservedKind::Msi, msi_prot()),
        ResvKind::Reserved | ResvKind::Unknown(_) => (ReservedKind::Reserved, Prots::default()),
    };
    Ok(ReservedRegion {
        start: mem.range.start(),
        length: usize::try_from(mem.range.len().ok_or(EOVERFLOW)?)?,
        prot,
        kind,
    })
}
