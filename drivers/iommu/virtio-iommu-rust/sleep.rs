// SPDX-License-Identifier: GPL-2.0

//! Sleep and waking up: the device is reset in between and has forgotten everything. The same for
//! a device that needs a reset and answers nothing before.
//!
//! While the device sleeps, whatever domains and endpoints are to be is only written down, and it
//! is told all of it when it wakes up: first where the endpoints are, then the mappings.

use kernel::{
    sync::{
        new_mutex,
        Mutex, //
    },
    time::{
        Delta,
        Instant,
        Monotonic, //
    }, //
};

use kernel::prelude::*;

use crate::{
    domain::Shared,
    endpoint::{
        send_all,
        Place, //
    },
    roll::{
        Member,
        Roll, //
    },
    viommu::Viommu, //
};

/// The span in which a device may ask for only so many resets.
const SPAN: Delta = Delta::from_secs(60);

/// How many resets a device gets in that span. One that needs more is not going to work.
const MAX_RESETS: usize = 5;

/// The times of the last resets, in any order.
type Times = [Option<Instant<Monotonic>>; MAX_RESETS];

/// When a device was reset, so that it cannot keep the driver busy for ever.
pub(crate) struct Resets(Pin<KBox<Mutex<Times>>>);

impl Resets {
    /// No reset so far.
    pub(crate) fn new() -> Result<Self> {
        let times: Times = [None; MAX_RESETS];
        KBox::pin_init(new_mutex!(times, "virtio_iommu_resets"), GFP_KERNEL).map(Self)
    }

    /// Whether the device may be reset once more.
    pub(crate) fn allow(&self) -> bool {
        let now = Instant::now();
        let recent = |time: &Option<Instant<Monotonic>>| time.is_some_and(|time| now - time < SPAN);
        let mut times = self.0.lock();
        match times.iter_mut().find(|time| !recent(time)) {
            Some(time) => {
                *time = Some(now);
                true
            }
            None => false,
        }
    }
}

impl Viommu {
    /// Lets the device finish what it was given, and gives it nothing from now on.
    ///
    /// A device that does not answer within the time that requests have is no reason to stay
    /// awake.
    pub(crate) fn fall_asleep(&self) {
        let mut roll = self.attaching.lock();
        // A device that was given up is said to be so below.
        let _ = self.requests().send_deferred();
        self.stop_domains(&mut roll);
        if let Err(error) = self.requests().drain() {
            dev_warn!(self.device(), "requests are lost: {:?}\n", error);
        }
        self.requests().stop();
    }

    /// Gives nothing to a device that needs a reset and will not answer what it was given.
    pub(crate) fn faint(&self) {
        // Whoever waits for it has endpoints locked.
        self.requests().stop();
        let mut roll = self.attaching.lock();
        self.stop_domains(&mut roll);
    }

    /// Whether there are endpoints that the device keeps from any memory.
    pub(crate) fn translates(&self) -> bool {
        let roll = self.attaching.lock();
        let mut places = roll.members().map(|member| member.current.lock().target());
        places.any(|target| target.is_some_and(|(_, bypass)| !bypass))
    }

    /// Writes down from now on what domains map and unmap.
    fn stop_domains(&self, roll: &mut Roll) {
        roll.set_asleep(true);
        for member in roll.members() {
            if let Some(domain) = member.current.lock().domain() {
                domain.stop();
            }
        }
    }

    /// Tells a device that was reset, and has its queues again, what it has to know.
    ///
    /// Fails if the device does not answer. An endpoint that the device refuses is cut off, and
    /// is no failure.
    pub(crate) fn wake_up(&self) -> Result {
        let mut roll = self.attaching.lock();
        self.requests().start();
        // A device may have kept domains, although a reset is to make it forget them, as QEMU's
        // does. They end with their last endpoint.
        for member in roll.members() {
            self.take_out(member);
        }
        // A device may take it for leaving to be attached once more, and what is mapped goes when
        // the last endpoint leaves; two endpoints may have one ID. So the mappings come last.
        for member in roll.members() {
            self.put_back(member);
        }
        for member in roll.members() {
            self.start(&roll, member);
        }
        roll.set_asleep(false);
        if self.requests().is_dead() {
            return Err(EIO);
        }
        Ok(())
    }

    /// Takes an endpoint out of whatever domain the device has it in.
    fn take_out(&self, member: &Member) {
        let current = member.current.lock();
        if let Some((id, _)) = current.target() {
            // To be in no domain already is what a reset is for, and no failure.
            let _ = send_all(self, member.ids.iter().copied(), &self.refuge(), Some(id));
        }
    }

    /// Puts an endpoint where it was.
    fn put_back(&self, member: &Member) {
        let mut current = member.current.lock();
        if let Err(error) = send_all(self, member.ids.iter().copied(), &current, None) {
            self.cut_off(member, &mut current, error);
        }
    }

    /// Sends the mappings of where an endpoint is. If the device does not take all of them, no
    /// endpoint can be there.
    fn start(&self, roll: &Roll, member: &Member) {
        let place = member.current.lock().clone();
        let started = place.domain().map_or(Ok(()), Shared::start);
        if let Err(error) = started {
            for member in roll.members() {
                let mut current = member.current.lock();
                if current.is(&place) {
                    self.cut_off(member, &mut current, error);
                }
            }
        }
    }

    /// Cuts off an endpoint that cannot be where it was.
    ///
    /// On a device that was given up, the next mappings find that out.
    fn cut_off(&self, member: &Member, current: &mut Place, error: Error) {
        if self.requests().is_dead() {
            if let Some(domain) = current.domain() {
                domain.give_up();
            }
            return;
        }
        dev_err!(
            self.device(),
            "EP {:?} is cut off: {:?}\n",
            member.ids.first(),
            error
        );
        let refuge = self.refuge();
        let from = current.target().map(|(id, _)| id);
        // It may not have got to where it could be taken out of.
        let _ = send_all(self, member.ids_to_move(&refuge), &refuge, from);
        current.leave();
        member.arrive(current, refuge);
    }

    /// Where an endpoint is put that cannot be where it should be.
    ///
    /// Detached, it might reach all of the memory.
    pub(crate) fn refuge(&self) -> Place {
        self.limits().blocked.map_or(Place::Nowhere, Place::Blocked)
    }
}
