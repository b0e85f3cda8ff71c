// SPDX-License-Identifier: GPL-2.0

//! The roll of the endpoints of one device: what the device has to be told again after it has
//! forgotten everything.

use kernel::sync::{
    new_mutex,
    Arc,
    Mutex, //
};

use kernel::prelude::*;

use crate::{
    endpoint::Place,
    faults::Source,
    viommu::Viommu, //
};

/// What has to be known of an endpoint in order to attach it again.
#[pin_data]
pub(crate) struct Member {
    /// The IDs by which the device knows the endpoint.
    pub(crate) ids: KVec<u32>,
    /// Makes the endpoint the one that faults of its IDs are resolved to.
    source: Source,
    /// Where the endpoint is, as far as the driver knows. Changed with the roll locked.
    #[pin]
    pub(crate) current: Mutex<Place>,
}

impl Member {
    /// Returns the IDs that have to move with the endpoint.
    ///
    /// One that is also that of another device stays in the domain of that one, when this endpoint
    /// is taken out: the core has both in one group, and so in one domain. And it is left alone
    /// where it is in `place` already: for the device, to be attached again is to leave before, and
    /// a domain that nobody is in has no mappings any more.
    pub(crate) fn ids_to_move<'a>(&'a self, place: &'a Place) -> impl Iterator<Item = u32> + 'a {
        self.ids.iter().copied().filter(move |id| {
            let stays = match place.faults() {
                None => self.source.is_used_by_another(*id),
                Some(domain) => self.source.is_with_another_in(*id, domain),
            };
            !stays
        })
    }

    /// Enters into the books that the endpoint is in `place`.
    pub(crate) fn arrive(&self, current: &mut Place, place: Place) {
        self.source.set_domain(place.faults());
        *current = place;
    }
}

/// The endpoints that there are.
pub(crate) struct Roll {
    members: KVec<Arc<Member>>,
    asleep: bool,
}

impl Roll {
    /// No endpoint, of a device that works.
    pub(crate) fn new() -> Self {
        Self {
            members: KVec::new(),
            asleep: false,
        }
    }

    /// All endpoints.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().map(|member| &**member)
    }

    /// Whether the device cannot be told anything: then moves are only written down.
    pub(crate) fn is_asleep(&self) -> bool {
        self.asleep
    }

    /// Says whether the device can be told anything.
    pub(crate) fn set_asleep(&mut self, asleep: bool) {
        self.asleep = asleep;
    }
}

/// An endpoint on the roll, as long as this exists.
pub(crate) struct Enrolled {
    viommu: Arc<Viommu>,
    member: Arc<Member>,
}

impl Enrolled {
    /// Puts an endpoint on the roll that is in no domain.
    pub(crate) fn new(viommu: &Arc<Viommu>, ids: KVec<u32>, source: Source) -> Result<Self> {
        let member = Arc::pin_init(
            pin_init!(Member {
                ids,
                source,
                current <- new_mutex!(Place::Nowhere, "virtio_iommu_current"),
            }),
            GFP_KERNEL,
        )?;
        let mut roll = viommu.attaching.lock();
        roll.members.push(member.clone(), GFP_KERNEL)?;
        drop(roll);
        Ok(Self {
            viommu: viommu.clone(),
            member,
        })
    }

    /// The endpoint.
    pub(crate) fn member(&self) -> &Member {
        &self.member
    }
}

impl Drop for Enrolled {
    fn drop(&mut self) {
        let mut roll = self.viommu.attaching.lock();
        roll.members
            .retain(|member| !Arc::ptr_eq(member, &self.member));
    }
}
