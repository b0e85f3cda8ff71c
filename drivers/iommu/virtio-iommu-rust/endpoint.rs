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

/// Where the device has an endpoint.
#[derive(Clone)]
enum Place {
    /// In no domain.
    Nowhere,
    /// In the domain that nothing is ever mapped in.
    Blocked(DomainId),
    /// In a domain that counts its endpoints.
    Domain(Arc<Shared>),
}

impl Place {
    /// The ID and the flag that an endpoint is attached with; [`None`] if it is to be detached.
    fn target(&self) -> Option<(DomainId, bool)> {
        match self {
            Self::Nowhere => None,
            Self::Blocked(id) => Some((*id, false)),
            Self::Domain(domain) => Some((domain.id(), domain.bypass())),
        }
    }

    /// Counts one more endpoint and sends it the mappings.
    fn join(&self) -> Result {
        match self {
            Self::Domain(domain) => domain.join(),
            Self::Nowhere | Self::Blocked(_) => Ok(()),
        }
    }

    /// Counts one endpoint less.
    fn leave(&self) {
        if let Self::Domain(domain) = self {
            domain.leave();
        }
    }

    /// Whether both are the same.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Domain(one), Self::Domain(other)) => Arc::ptr_eq(one, other),
            _ => self.target() == other.target(),
        }
    }
}

/// What the driver keeps for one endpoint.
#[pin_data]
pub(crate) struct EndpointState {
    /// Addresses that must not be mapped, by their start.
    reserved: KVec<ResvMem>,
    /// Where the endpoint is, as far as the driver knows.
    #[pin]
    current: Mutex<Place>,
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
            current <- new_mutex!(Place::Nowhere, "virtio_iommu_current"),
        } ? Error))
    }

    /// Addresses that must not be mapped, by their start.
    pub(crate) fn reserved(&self) -> &[ResvMem] {
        &self.reserved
    }

    /// Moves the endpoint into `domain`.
    ///
    /// If the device refuses, the endpoint stays where it was. If it does not take the mappings, the
    /// endpoint is cut off.
    pub(crate) fn attach(
        &self,
        endpoint: &iommu::Endpoint<Viommu>,
        domain: &Arc<Shared>,
    ) -> Result {
        if !Arc::ptr_eq(domain.viommu(), endpoint.instance()) {
            return Err(EINVAL);
        }
        self.move_to(endpoint, Place::Domain(domain.clone()))
    }

    /// Moves the endpoint to where nothing is ever mapped.
    pub(crate) fn block(&self, endpoint: &iommu::Endpoint<Viommu>) -> Result {
        let id = endpoint.instance().limits().blocked.ok_or(ENOSPC)?;
        self.move_to(endpoint, Place::Blocked(id))
    }

    /// Takes the endpoint out of its domain, unless nothing is mapped there.
    pub(crate) fn release(&self, endpoint: &iommu::Endpoint<Viommu>) {
        let viommu = endpoint.instance();
        let _alone = viommu.attaching.lock();
        let mut current = self.current.lock();
        if let Place::Domain(domain) = &*current {
            send_all(viommu, endpoint.ids(), &Place::Nowhere, Some(domain.id()));
            domain.leave();
            *current = Place::Nowhere;
        }
    }

    fn move_to(&self, endpoint: &iommu::Endpoint<Viommu>, place: Place) -> Result {
        let viommu = endpoint.instance();
        let _alone = viommu.attaching.lock();
        let mut current = self.current.lock();
        if current.is(&place) {
            return Ok(());
        }
        let id = place.target().map(|(id, _)| id);

        for (index, endpoint_id) in endpoint.ids().iter().enumerate() {
            if let Err(error) = send(viommu, *endpoint_id, &place, None) {
                let moved = endpoint.ids().get(..index).unwrap_or_default();
                send_all(viommu, moved, &current, id);
                return Err(error);
            }
        }
        core::mem::replace(&mut *current, Place::Nowhere).leave();
        if let Err(error) = place.join() {
            // Detached, the endpoint might reach all of the memory.
            let refuge = viommu
                .limits()
                .blocked
                .map_or(Place::Nowhere, Place::Blocked);
            send_all(viommu, endpoint.ids(), &refuge, id);
            *current = refuge;
            return Err(error);
        }
        *current = place;
        Ok(())
    }
}

/// Moves one ID of an endpoint to `place`, out of the domain `from` where that matters.
fn send(viommu: &Viommu, id: u32, place: &Place, from: Option<DomainId>) -> Result {
    let endpoint = EndpointId::new(id);
    let request = match (place.target(), from) {
        (Some((domain, bypass)), _) => Request::Attach {
            domain,
            endpoint,
            bypass,
        },
        (None, Some(domain)) => Request::Detach { domain, endpoint },
        (None, None) => return Ok(()),
    };
    viommu.requests().call(&request)
}

/// Moves IDs of an endpoint to `place`; what cannot be moved is logged.
fn send_all(viommu: &Viommu, ids: &[u32], place: &Place, from: Option<DomainId>) {
    for id in ids {
        if let Err(error) = send(viommu, *id, place, from) {
            dev_warn!(
                viommu.device(),
                "could not move EP {} from domain {:?} to {:?}: {:?}\n",
                id,
                from.map(|id| id.get()),
                place.target().map(|(id, _)| id.get()),
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
