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
    faults::Source,
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
    roll::Enrolled,
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

    /// Counts one more endpoint and sends it the mappings.
    fn join(&self) -> Result {
        match self {
            Self::Domain(domain) => domain.join(),
            Self::Nowhere | Self::Blocked(_) => Ok(()),
        }
    }

    /// Counts one more endpoint, on a device that was given up.
    fn adopt(&self) {
        if let Self::Domain(domain) = self {
            domain.adopt();
        }
    }

    /// Counts one endpoint less.
    pub(crate) fn leave(&self) {
        if let Self::Domain(domain) = self {
            domain.leave();
        }
    }

    /// Counts one more endpoint on a device that sleeps.
    fn join_asleep(&self) {
        if let Self::Domain(domain) = self {
            domain.join_asleep();
        }
    }

    /// Keeps the mappings from the device, which is about to forget them.
    pub(crate) fn stop(&self) {
        if let Self::Domain(domain) = self {
            domain.stop();
        }
    }

    /// Sends the mappings to a device that was just told of the domain.
    pub(crate) fn start(&self) -> Result {
        match self {
            Self::Domain(domain) => domain.start(),
            Self::Nowhere | Self::Blocked(_) => Ok(()),
        }
    }

    /// Lets the next mappings find out that the device is lost.
    pub(crate) fn give_up(&self) {
        if let Self::Domain(domain) = self {
            domain.give_up();
        }
    }

    /// The way to whoever wants to know of faults there.
    fn faults(&self) -> Option<&Arc<DomainFaults>> {
        match self {
            Self::Domain(domain) => Some(domain.faults()),
            Self::Nowhere | Self::Blocked(_) => None,
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
pub(crate) struct EndpointState {
    /// Addresses that must not be mapped, by their start.
    reserved: KVec<ResvMem>,
    /// Makes the endpoint the one that faults of its IDs are resolved to.
    source: Source,
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
            source,
            enrolled: Enrolled::new(viommu, ids)?,
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
        let mut current = self.enrolled.member().current.lock();
        if let Place::Domain(domain) = &*current {
            if !roll.is_asleep() {
                for id in self.ids_to_move(&Place::Nowhere) {
                    send_or_log(viommu, id, &Place::Nowhere, Some(domain.id()));
                }
            }
            domain.leave();
            self.arrive(&mut current, Place::Nowhere);
        }
    }

    fn move_to(&self, endpoint: &iommu::Endpoint<Viommu>, place: Place) -> Result {
        let viommu = endpoint.instance();
        let roll = viommu.attaching.lock();
        let mut current = self.enrolled.member().current.lock();
        if current.is(&place) {
            return Ok(());
        }
        if roll.is_asleep() {
            place.join_asleep();
            current.leave();
            self.arrive(&mut current, place);
            return Ok(());
        }
        match self.try_move(endpoint, &mut current, &place) {
            // The IOMMU core takes it for a fault of the driver that an endpoint cannot go back to
            // a domain. Nothing can be mapped there any more.
            Err(error) if viommu.requests().is_dead() => {
                dev_warn!(
                    viommu.device(),
                    "could not move {:?}: {:?}\n",
                    endpoint.ids(),
                    error
                );
                place.adopt();
                current.leave();
                self.arrive(&mut current, place);
                Ok(())
            }
            result => result,
        }
    }

    /// Moves the endpoint to `place`, if the device agrees.
    fn try_move(
        &self,
        endpoint: &iommu::Endpoint<Viommu>,
        current: &mut Place,
        place: &Place,
    ) -> Result {
        let viommu = endpoint.instance();
        let id = place.target().map(|(id, _)| id);

        for (moved, endpoint_id) in self.ids_to_move(place).enumerate() {
            if let Err(error) = send(viommu, endpoint_id, place, None) {
                for endpoint_id in self.ids_to_move(place).take(moved) {
                    send_or_log(viommu, endpoint_id, current, id);
                }
                return Err(error);
            }
        }
        core::mem::replace(current, Place::Nowhere).leave();
        if let Err(error) = place.join() {
            let refuge = viommu.refuge();
            for endpoint_id in &self.enrolled.member().ids {
                send_or_log(viommu, *endpoint_id, &refuge, id);
            }
            self.arrive(current, refuge);
            return Err(error);
        }
        self.arrive(current, place.clone());
        Ok(())
    }

    /// Returns the IDs that have to move with the endpoint.
    ///
    /// One that is also that of another device stays in the domain of that one, when this endpoint
    /// is taken out: the core has both in one group, and so in one domain.
    fn ids_to_move<'a>(&'a self, place: &'a Place) -> impl Iterator<Item = u32> + 'a {
        let leaves = place.faults().is_none();
        let ids = &self.enrolled.member().ids;
        ids.iter()
            .copied()
            .filter(move |id| !(leaves && self.source.is_used_by_another(*id)))
    }

    /// Enters into the books that the endpoint is in `place`.
    fn arrive(&self, current: &mut Place, place: Place) {
        self.source.set_domain(place.faults());
        *current = place;
    }
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

/// Moves all IDs of an endpoint to `place`, and returns the first failure.
pub(crate) fn send_all(
    viommu: &Viommu,
    ids: &[u32],
    place: &Place,
    from: Option<DomainId>,
) -> Result {
    ids.iter()
        .map(|id| send(viommu, *id, place, from))
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
