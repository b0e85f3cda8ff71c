// SPDX-License-Identifier: GPL-2.0

//! Endpoints: the devices behind the IOMMU.

use kernel::{
    device,
    iommu,
    sync::{
        new_mutex,
        Arc,
        Mutex, //
    }, //
};

use kernel::prelude::*;

use crate::{
    convert::to_error,
    domain::Shared,
    probe::{
        insertion_index,
        properties,
        Property,
        ResvKind,
        ResvMem, //
    },
    proto::{
        DomainId,
        EndpointId,
        Request, //
    },
    viommu::Viommu, //
};

/// What the driver keeps for one endpoint.
#[pin_data]
pub(crate) struct EndpointState {
    /// Addresses that must not be mapped, by their start.
    reserved: KVec<ResvMem>,
    /// The domain that the device has the endpoint in, as far as the driver knows.
    #[pin]
    current: Mutex<Option<Arc<Shared>>>,
}

impl EndpointState {
    /// Asks the device for the properties of `dev`.
    ///
    /// As in the C driver, an endpoint with several IDs is taken to have those of the first.
    pub(crate) fn probe(
        viommu: &Arc<Viommu>,
        dev: &device::Device,
        ids: &[u32],
    ) -> Result<impl PinInit<Self, Error>> {
        let reserved = match viommu.limits().probe_size {
            0 => KVec::new(),
            size => {
                let first = EndpointId::new(*ids.first().ok_or(EINVAL)?);
                let answer = viommu.requests().probe(first, size)?;
                let mut bytes = KVec::from_elem(0u8, size, GFP_KERNEL)?;
                answer.read(0, &mut bytes);
                parse_properties(dev, &bytes)?
            }
        };
        Ok(try_pin_init!(Self {
            reserved,
            current <- new_mutex!(None, "virtio_iommu_current"),
        } ? Error))
    }

    /// Addresses that must not be mapped, by their start.
    pub(crate) fn reserved(&self) -> &[ResvMem] {
        &self.reserved
    }

    /// Moves the endpoint into `domain`.
    ///
    /// If the device refuses, the endpoint stays counted where it was. If it does not take the
    /// mappings, the endpoint is in no domain.
    pub(crate) fn attach(
        &self,
        endpoint: &iommu::Endpoint<Viommu>,
        domain: &Arc<Shared>,
    ) -> Result {
        let viommu = endpoint.instance();
        if !Arc::ptr_eq(domain.viommu(), viommu) {
            return Err(EINVAL);
        }
        let _alone = viommu.attaching.lock();
        let mut current = self.current.lock();
        if current
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, domain))
        {
            return Ok(());
        }

        for (index, id) in endpoint.ids().iter().enumerate() {
            if let Err(error) = send_attach(viommu, domain, *id) {
                let moved = endpoint.ids().get(..index).unwrap_or_default();
                match current.as_ref() {
                    Some(old) => restore(viommu, old, moved),
                    None => detach_ids(viommu, domain.id(), moved),
                }
                return Err(error);
            }
        }
        if let Some(old) = current.take() {
            old.leave();
        }
        if let Err(error) = domain.join() {
            detach_ids(viommu, domain.id(), endpoint.ids());
            return Err(error);
        }
        *current = Some(domain.clone());
        Ok(())
    }

    /// Takes the endpoint out of its domain.
    pub(crate) fn detach(&self, endpoint: &iommu::Endpoint<Viommu>) {
        let viommu = endpoint.instance();
        let _alone = viommu.attaching.lock();
        let mut current = self.current.lock();
        if let Some(domain) = current.take() {
            detach_ids(viommu, domain.id(), endpoint.ids());
            domain.leave();
        }
    }
}

/// Attaches one ID to `domain`.
fn send_attach(viommu: &Viommu, domain: &Shared, id: u32) -> Result {
    viommu.requests().call(&Request::Attach {
        domain: domain.id(),
        endpoint: EndpointId::new(id),
        bypass: domain.bypass(),
    })
}

/// Puts the IDs of an endpoint that were already moved back where the others still are.
fn restore(viommu: &Viommu, old: &Shared, ids: &[u32]) {
    for id in ids {
        if let Err(error) = send_attach(viommu, old, *id) {
            dev_err!(
                viommu.device(),
                "could not put EP {} back into domain {}: {:?}\n",
                id,
                old.id().get(),
                error
            );
        }
    }
}

/// Detaches IDs from a domain.
fn detach_ids(viommu: &Viommu, domain: DomainId, ids: &[u32]) {
    for id in ids {
        let request = Request::Detach {
            domain,
            endpoint: EndpointId::new(*id),
        };
        if let Err(error) = viommu.requests().call(&request) {
            dev_warn!(
                viommu.device(),
                "could not detach EP {} from domain {}: {:?}\n",
                id,
                domain.get(),
                error
            );
        }
    }
}

/// Returns the reserved regions among the properties, by their start.
///
/// Each malformed property is reported. One is enough to refuse the endpoint, since the region that
/// it should have told of may be mapped otherwise.
fn parse_properties(dev: &device::Device, buffer: &[u8]) -> Result<KVec<ResvMem>> {
    let mut reserved: KVec<ResvMem> = KVec::new();
    let mut result = Ok(());
    for property in properties(buffer) {
        match property {
            Ok(Property::ResvMem(mem)) => {
                if let ResvKind::Unknown(subtype) = mem.kind {
                    dev_warn!(dev, "unknown resv mem subtype {:#x}\n", subtype);
                }
                let index = insertion_index(&reserved, &mem);
                reserved.reserve(1, GFP_KERNEL)?;
                reserved
                    .insert_within_capacity(index, mem)
                    .map_err(|_| EINVAL)?;
            }
            Ok(Property::Unknown { kind }) => {
                dev_err!(dev, "unknown viommu prop {:#x}\n", kind);
            }
            Err(error) => {
                dev_err!(dev, "failed to parse viommu prop {:#x}\n", error.kind());
                result = result.and(Err(to_error(error.errno())));
            }
        }
    }
    result.map(|()| reserved)
}
