// SPDX-License-Identifier: GPL-2.0

//! Endpoints: the devices behind the IOMMU.

use kernel::{
    device,
    iommu::{
        self,
        DomainFaults, //
    },
    sync::Arc, //
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
    regions::unite,
    roll::{
        Enrolled,
        Member, //
    },
    viommu::Viommu, //
};

/// How many unknown and how many malformed properties of an endpoint are reported: there can be
/// thousands.
const MAX_REPORTS: usize = 8;

/// Where the device has an endpoint.
#[derive(Clone)]
pub(crate) enum Place {
    /// In no domain.
    Nowhere,
    /// In the domain that nothing is ever mapped in.
    Blocked(DomainId),
    /// In a domain that counts its endpoints.
    Domain(Arc<Shared>),
}

impl Place {
    /// The ID and the flag that an endpoint is attached with; [`None`] if it is to be detached.
    pub(crate) fn target(&self) -> Option<(DomainId, bool)> {
        match self {
            Self::Nowhere => None,
            Self::Blocked(id) => Some((*id, false)),
            Self::Domain(domain) => Some((domain.id(), domain.bypass())),
        }
    }

    /// The domain, if there may be mappings.
    pub(crate) fn domain(&self) -> Option<&Shared> {
        match self {
            Self::Domain(domain) => Some(domain),
            Self::Nowhere | Self::Blocked(_) => None,
        }
    }

    /// Counts one endpoint less.
    pub(crate) fn leave(&self) {
        if let Some(domain) = self.domain() {
            domain.leave();
        }
    }

    /// The way to whoever wants to know of faults there.
    pub(crate) fn faults(&self) -> Option<&Arc<DomainFaults>> {
        self.domain().map(Shared::faults)
    }

    /// Whether both are the same.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Domain(one), Self::Domain(other)) => Arc::ptr_eq(one, other),
            _ => self.target() == other.target(),
        }
    }
}

/// What the driver keeps for one endpoint.
pub(crate) struct EndpointState {
    /// Addresses that must not be mapped, by their start.
    reserved: KVec<ResvMem>,
    /// The endpoint on the roll of its device.
    enrolled: Enrolled,
}

impl EndpointState {
    /// Asks the device for the properties of `dev`, which has `ids`.
    pub(crate) fn probe(viommu: &Arc<Viommu>, dev: &device::Device, ids: &[u32]) -> Result<Self> {
        let (ids, reserved) = probe_all(viommu, dev, ids)?;
        let source = viommu.faults().register(dev, &ids)?;
        Ok(Self {
            reserved,
            enrolled: Enrolled::new(viommu, ids, source)?,
        })
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
        let roll = viommu.attaching.lock();
        let member = self.enrolled.member();
        let mut current = member.current.lock();
        let Some(domain) = current.domain() else {
            return;
        };
        if !roll.is_asleep() {
            for id in member.ids_to_move(&Place::Nowhere) {
                send_or_log(viommu, id, &Place::Nowhere, Some(domain.id()));
            }
        }
        domain.leave();
        member.arrive(&mut current, Place::Nowhere);
    }

    fn move_to(&self, endpoint: &iommu::Endpoint<Viommu>, place: Place) -> Result {
        let viommu = endpoint.instance();
        let roll = viommu.attaching.lock();
        let member = self.enrolled.member();
        let mut current = member.current.lock();
        if current.is(&place) {
            return Ok(());
        }
        if !roll.is_asleep() {
            match try_move(viommu, member, &mut current, &place) {
                // The IOMMU core takes it for a fault of the driver that an endpoint cannot go back
                // to a domain. Nothing can be mapped there any more.
                Err(error) if viommu.requests().is_dead() => {
                    dev_warn!(
                        viommu.device(),
                        "could not move {:?}: {:?}\n",
                        endpoint.ids(),
                        error
                    );
                    if let Some(domain) = place.domain() {
                        domain.give_up();
                    }
                }
                // The device is about to be reset, and hears of the move after that.
                Err(_) if viommu.requests().is_asleep() => {}
                result => return result,
            }
        }
        if let Some(domain) = place.domain() {
            domain.join_asleep();
        }
        current.leave();
        member.arrive(&mut current, place);
        Ok(())
    }
}

/// Moves an endpoint from `current` to `place`, if the device agrees.
fn try_move(viommu: &Viommu, member: &Member, current: &mut Place, place: &Place) -> Result {
    let id = place.target().map(|(id, _)| id);
    for (moved, endpoint_id) in member.ids_to_move(place).enumerate() {
        if let Err(error) = send(viommu, endpoint_id, place, None) {
            for endpoint_id in member.ids_to_move(place).take(moved) {
                send_or_log(viommu, endpoint_id, current, id);
            }
            return Err(error);
        }
    }
    core::mem::replace(current, Place::Nowhere).leave();
    let joined = place.domain().map_or(Ok(()), Shared::join);
    if let Err(error) = joined {
        let refuge = viommu.refuge();
        for endpoint_id in &member.ids {
            send_or_log(viommu, *endpoint_id, &refuge, id);
        }
        place.leave();
        member.arrive(current, refuge);
        return Err(error);
    }
    member.arrive(current, place.clone());
    Ok(())
}

/// Asks the device for the properties of each of `ids`; returns those that it knows, and what must
/// not be mapped for them, by its start.
///
/// Firmware also lists the ID of an endpoint that never shows it, since a bridge puts its own in
/// the place. As long as the device knows one of the IDs, those that it does not know are left out.
///
/// If it knows none, the endpoint is not behind it, whatever firmware says. The IOMMU core takes that
/// from `ENODEV`; any other error would be one of the whole IOMMU.
fn probe_all(
    viommu: &Viommu,
    dev: &device::Device,
    ids: &[u32],
) -> Result<(KVec<u32>, KVec<ResvMem>)> {
    let mut known = KVec::with_capacity(ids.len(), GFP_KERNEL)?;
    let mut reserved = KVec::new();
    for id in ids {
        if known.contains(id) {
            continue;
        }
        match probe_one(viommu, dev, EndpointId::new(*id), &mut reserved) {
            Ok(()) => known.push(*id, GFP_KERNEL)?,
            Err(error) if error == ENOENT => continue,
            Err(error) => return Err(error),
        }
    }
    if known.is_empty() {
        dev_warn!(dev, "unknown to its IOMMU as EP {:?}\n", ids);
        return Err(ENODEV);
    }
    let left = unite(&mut reserved);
    reserved.truncate(left);
    Ok((known, reserved))
}

/// Asks the device for the properties of one ID and enters them into `reserved`.
fn probe_one(
    viommu: &Viommu,
    dev: &device::Device,
    id: EndpointId,
    reserved: &mut KVec<ResvMem>,
) -> Result {
    let size = viommu.limits().probe_size;
    if size == 0 {
        return Ok(());
    }
    let answer = viommu.requests().probe(id, size)?;
    let mut bytes = KVec::from_elem(0u8, size, GFP_KERNEL)?;
    answer.read(0, &mut bytes);
    parse_properties(dev, &bytes, reserved)
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

/// Moves IDs of an endpoint to `place`, and returns the first failure.
pub(crate) fn send_all(
    viommu: &Viommu,
    ids: impl Iterator<Item = u32>,
    place: &Place,
    from: Option<DomainId>,
) -> Result {
    ids.map(|id| send(viommu, id, place, from))
        .fold(Ok(()), Result::and)
}

/// Moves one ID of an endpoint to `place`; that it cannot be moved is logged.
fn send_or_log(viommu: &Viommu, id: u32, place: &Place, from: Option<DomainId>) {
    if let Err(error) = send(viommu, id, place, from) {
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

/// Enters the reserved regions among the properties into `reserved`, by their start.
///
/// Unknown and malformed properties are reported, but not thousands. One that is malformed is enough
/// to refuse the endpoint, since the region that it should have told of may be mapped otherwise.
fn parse_properties(dev: &device::Device, buffer: &[u8], reserved: &mut KVec<ResvMem>) -> Result {
    let mut result = Ok(());
    let mut unknown = 0..MAX_REPORTS;
    let mut malformed = 0..MAX_REPORTS;
    for property in properties(buffer) {
        match property {
            Ok(Property::ResvMem(mem)) => {
                if let ResvKind::Unknown(subtype) = mem.kind {
                    if unknown.next().is_some() {
                        dev_warn!(dev, "unknown resv mem subtype {:#x}\n", subtype);
                    }
                }
                let index = insertion_index(reserved, &mem);
                reserved.reserve(1, GFP_KERNEL)?;
                reserved
                    .insert_within_capacity(index, mem)
                    .map_err(|_| EINVAL)?;
            }
            Ok(Property::Unknown { kind }) => {
                if unknown.next().is_some() {
                    dev_err!(dev, "unknown viommu prop {:#x}\n", kind);
                }
            }
            Err(error) => {
                if malformed.next().is_some() {
                    dev_err!(dev, "failed to parse viommu prop {:#x}\n", error.kind());
                }
                result = result.and(Err(to_error(error.errno())));
            }
        }
    }
    result
}
