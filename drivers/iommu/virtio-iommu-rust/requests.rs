// SPDX-License-Identifier: GPL-2.0

//! The request queue: giving requests to the device and hearing what became of them.
//!
//! Nobody waits for ever (see [`waiting`]): a device that does not answer is given up. After that
//! every request fails with `EIO`. What the device was given stays with the queue until it is
//! reset, since it may still write there. UNMAP requests are put off and joined (see
//! [`unmapping`]).
//!
//! MAP and UNMAP requests allocate nothing: INDIRECT_DESC is refused, and the buffers are the
//! queue's own.
//!
//! # Lock order
//!
//! 1. `Requests::probing`
//! 2. the lock of the queue

use kernel::{
    device,
    sync::{
        aref::ARef,
        new_mutex,
        Arc,
        Mutex, //
    },
    time::{
        Instant,
        Monotonic, //
    },
    virtio::{
        self,
        BufferLayout,
        OwnedBuffer,
        Queue,
        QueueGuard, //
    },
};

use kernel::prelude::*;

use crate::{
    convert::to_error,
    deferred::{
        Deferred,
        Range, //
    },
    ledger::{
        Ended,
        Ledger,
        Pending,
        Purpose,
        Ticket, //
    },
    proto::{
        DomainId,
        EndpointId,
        Failure,
        Request,
        MAX_MAP_READABLE,
        MAX_READABLE,
        TAIL_LEN, //
    },
    range::IovaRange,
    shadow::Mapping,
    stats::{
        Figures,
        Flight,
        Kind,
        Note,
        Stats, //
    }, //
};

mod unmapping;
mod waiting;

use waiting::Patience;

/// How many requests may be with the device at once, as far as its ring has room.
pub(crate) const MAX_IN_FLIGHT: usize = 128;

/// How many failures of MAP and UNMAP may wait to be asked for before new requests are refused.
const MAX_UNHEARD: usize = 128;

/// What the lock of the queue protects.
pub(crate) struct State {
    ledger: Ledger<KVec<Option<Pending>>, KVec<Option<Ended>>>,
    /// UNMAP requests that are not made yet.
    deferred: Deferred,
    stats: Stats<KVec<Option<Flight>>>,
    /// The time from which the figures count.
    epoch: Instant<Monotonic>,
    /// The buffer of the last PROBE that the device answered.
    probed: Option<OwnedBuffer>,
    /// How many requests the device has answered.
    answers: u64,
    /// The device was given up.
    dead: bool,
    /// The device is about to be reset, or was: it is given nothing.
    asleep: bool,
}

impl State {
    /// Creates the state of a queue that nothing was submitted to.
    pub(crate) fn new() -> Result<Self> {
        let pending = KVec::from_elem(None, MAX_IN_FLIGHT, GFP_KERNEL)?;
        let ended = KVec::from_elem(None, MAX_IN_FLIGHT + MAX_UNHEARD, GFP_KERNEL)?;
        Ok(Self {
            ledger: Ledger::new(pending, ended),
            deferred: Deferred::new(),
            stats: Stats::new(KVec::from_elem(None, MAX_IN_FLIGHT, GFP_KERNEL)?),
            epoch: Instant::now(),
            probed: None,
            answers: 0,
            dead: false,
            asleep: false,
        })
    }

    /// Counts a request that was given to the device in `slot`.
    fn count_sent(&mut self, slot: usize, kind: Kind) {
        let epoch = self.epoch;
        self.stats.sent(slot, kind, || nanoseconds_since(epoch));
    }

    /// Counts the answer to the request in `slot`.
    fn count_ended(&mut self, slot: usize, success: bool) {
        let epoch = self.epoch;
        self.stats.ended(slot, success, || nanoseconds_since(epoch));
    }
}

fn nanoseconds_since(epoch: Instant<Monotonic>) -> u64 {
    u64::try_from(epoch.elapsed().as_nanos()).unwrap_or(0)
}

/// Whether the earliest unanswered request is not before `end`.
fn is_settled(earliest: Option<Ticket>, end: Ticket) -> bool {
    earliest.is_none_or(|ticket| ticket >= end)
}

/// The requests as long as no others can be made.
pub(crate) struct Locked<'a> {
    queue: QueueGuard<'a, State>,
}

impl Locked<'_> {
    /// Gives the device a MAP request without telling it, if there is room.
    ///
    /// Returns whether there was. How the request ends is what [`Requests::sync_map`] returns.
    pub(crate) fn try_map(&mut self, domain: DomainId, mapping: &Mapping) -> Result<bool> {
        let Mapping { iova, phys, flags } = *mapping;
        let request = Request::Map {
            domain,
            iova,
            phys_start: phys,
            flags,
        };
        let purpose = Purpose::Map { domain, iova };
        let ticket = Requests::submit(&mut self.queue, &request, purpose)?;
        Ok(ticket.is_some())
    }

    /// Takes note that `iova` is to be unmapped, if there is room.
    ///
    /// [`Requests::send_deferred`] makes room.
    #[must_use]
    pub(crate) fn defer_unmap(&mut self, domain: DomainId, iova: IovaRange) -> bool {
        let state = self.queue.data_mut();
        let before = state.deferred.len();
        let added = state.deferred.add(Range { domain, iova });
        if added && state.deferred.len() == before {
            state.stats.note(Note::Merged);
        }
        added
    }

    /// Whether [`Requests::send_deferred`] should be called.
    pub(crate) fn is_due(&self) -> bool {
        self.queue.data().deferred.is_due()
    }
}

/// The request queue of one device.
#[pin_data]
pub(crate) struct Requests {
    dev: ARef<device::Device>,
    queue: Arc<Queue<State>>,
    /// Held over each PROBE, whose answer has one place.
    #[pin]
    probing: Mutex<()>,
}

impl Requests {
    /// What the slots of the queue hold: everything but PROBE, which brings its own buffer.
    pub(crate) const LAYOUT: BufferLayout = BufferLayout {
        slots: MAX_IN_FLIGHT,
        readable: MAX_MAP_READABLE,
        writable: TAIL_LEN,
    };

    /// Creates the request side on top of `queue`, whose device is `dev`.
    pub(crate) fn new(dev: ARef<device::Device>, queue: Arc<Queue<State>>) -> impl PinInit<Self> {
        pin_init!(Self {
            dev,
            queue,
            probing <- new_mutex!((), "virtio_iommu_probing"),
        })
    }

    /// Returns the figures so far.
    pub(crate) fn figures(&self) -> Figures {
        self.queue.lock().data().stats.figures()
    }

    /// Returns whether requests are timed.
    pub(crate) fn timing(&self) -> bool {
        self.queue.lock().data().stats.timing()
    }

    /// Chooses whether requests are timed from now on.
    pub(crate) fn set_timing(&self, timing: bool) {
        self.queue.lock().data_mut().stats.set_timing(timing);
    }

    /// Sends a request and returns how it ended. May sleep.
    pub(crate) fn call(&self, request: &Request) -> Result {
        let ticket = loop {
            let submitted = Self::submit(&mut self.queue.lock(), request, Purpose::Awaited)?;
            match submitted {
                Some(ticket) => break ticket,
                None => self.make_room(Patience::Sleep)?,
            }
        };
        self.answer(ticket)
    }

    /// Sends a PROBE of `probe_size` bytes and returns the properties. May sleep.
    pub(crate) fn probe(&self, endpoint: EndpointId, probe_size: usize) -> Result<OwnedBuffer> {
        let _one_at_a_time = self.probing.lock();
        let request = Request::Probe { endpoint };
        let mut bytes = [0; MAX_READABLE];
        let mut buffer = OwnedBuffer::new(
            request.encode(&mut bytes),
            request.writable_len(probe_size),
            GFP_KERNEL,
        )?;
        // Properties that the device leaves out are zeroes; a status that it leaves out is none.
        buffer.mark(probe_size)?;
        let ticket = loop {
            match self.submit_owned(buffer, Kind::of(&request))? {
                Ok(ticket) => break ticket,
                Err(returned) => buffer = returned,
            }
            self.make_room(Patience::Sleep)?;
        };
        let result = self.answer(ticket);
        let probed = self.queue.lock().data_mut().probed.take();
        result.and(probed.ok_or(EIO))
    }

    /// Locks the requests, to bring them into one order with what is kept about mappings.
    pub(crate) fn lock(&self) -> Locked<'_> {
        Locked {
            queue: self.queue.lock(),
        }
    }

    /// Waits until the device has answered one of its requests, if it has all that fit.
    pub(crate) fn wait_for_room(&self) -> Result {
        self.make_room(Patience::Spin)
    }

    /// Waits for the MAP requests of `domain` that touch `iova`, and returns the first failure.
    ///
    /// Requests that others make meanwhile do not count, or there might be no end.
    pub(crate) fn sync_map(&self, domain: DomainId, iova: IovaRange) -> Result {
        let purpose = Purpose::Map { domain, iova };
        let mut end = None;
        let failed = self.wait(Patience::Spin, |queue| {
            let ledger = &mut queue.data_mut().ledger;
            let end = *end.get_or_insert_with(|| ledger.next());
            is_settled(ledger.earliest(purpose), end).then(|| {
                let failed = ledger.failure(purpose);
                ledger.forget(purpose);
                failed
            })
        })?;
        match failed {
            None => Ok(()),
            Some((_, failure)) => Err(to_error(failure.errno())),
        }
    }

    /// Submits a request that fits a slot; `None` if there is no room.
    #[inline]
    fn submit(
        queue: &mut QueueGuard<'_, State>,
        request: &Request,
        purpose: Purpose,
    ) -> Result<Option<Ticket>> {
        if !Self::has_room(queue)? {
            return Ok(None);
        }
        let mut bytes = [0; MAX_READABLE];
        let readable = request.encode(&mut bytes);
        // With a length that the compiler knows, no function is called to copy so little.
        let submitted = match <&[u8; MAX_MAP_READABLE]>::try_from(readable) {
            Ok(map) => queue.submit(map, TAIL_LEN),
            Err(_) => queue.submit(readable, TAIL_LEN),
        };
        match submitted {
            Ok(slot) => Self::record(queue, slot, purpose, Kind::of(request)).map(Some),
            Err(ENOSPC) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Submits a request that brings its buffer, and gives the buffer back if there is no room.
    fn submit_owned(&self, buffer: OwnedBuffer, kind: Kind) -> Result<Result<Ticket, OwnedBuffer>> {
        let mut queue = self.queue.lock();
        if !Self::has_room(&queue)? {
            return Ok(Err(buffer));
        }
        match queue.submit_owned(buffer) {
            Ok(slot) => Self::record(&mut queue, slot, Purpose::Awaited, kind).map(Ok),
            Err((ENOSPC, buffer)) => Ok(Err(buffer)),
            Err((error, _)) => Err(error),
        }
    }

    /// Whether the ledger has room, unless the device was given up.
    fn has_room(queue: &QueueGuard<'_, State>) -> Result<bool> {
        let state = queue.data();
        if state.dead {
            return Err(EIO);
        }
        if state.asleep {
            return Err(EBUSY);
        }
        Ok(state.ledger.has_room())
    }

    /// Waits until the device has answered all that it was given.
    pub(crate) fn drain(&self) -> Result {
        self.wait(Patience::Sleep, |queue| {
            (queue.data().ledger.in_flight() == 0).then_some(())
        })
    }

    /// Gives the device nothing from now on, and forgets what it has: it is going to be reset.
    ///
    /// Requests fail with `EBUSY` until [`Self::start`].
    pub(crate) fn stop(&self) {
        let mut queue = self.queue.lock();
        let state = queue.data_mut();
        state.asleep = true;
        state.ledger.abandon(Failure::Empty);
    }

    /// Gives requests to a device that was reset and has its queue again.
    pub(crate) fn start(&self) {
        let mut queue = self.queue.lock();
        let state = queue.data_mut();
        state.asleep = false;
        state.dead = false;
        state.probed = None;
    }

    /// Enters a submitted request into the ledger.
    #[inline]
    fn record(
        queue: &mut QueueGuard<'_, State>,
        slot: virtio::Slot,
        purpose: Purpose,
        kind: Kind,
    ) -> Result<Ticket> {
        queue.data_mut().count_sent(slot.index(), kind);
        // The ledger has a place for each slot, and the caller saw that it has room.
        let ticket = queue.data_mut().ledger.open(slot.index(), purpose);
        ticket.ok_or(EIO)
    }

    /// Waits for the answer to one request.
    fn answer(&self, ticket: Ticket) -> Result {
        self.wait(Patience::Sleep, |queue| {
            queue.data_mut().ledger.answer(ticket)
        })?
        .map_err(|failure| to_error(failure.errno()))
    }

    /// Waits until there is room for one more request.
    fn make_room(&self, patience: Patience) -> Result {
        self.wait(patience, |queue| {
            if queue.data().asleep {
                return Some(Ok(()));
            }
            let ledger = &queue.data().ledger;
            if ledger.has_room() {
                return (queue.free_slots() > 0).then_some(Ok(()));
            }
            // The callers that could take failures out may be behind this one.
            Self::is_clogged(queue).then_some(Err(EIO))
        })?
    }

    /// Forgets all about a domain that has left the device, before its ID is used again.
    ///
    /// Waits for what the device has yet to answer: it may carry out requests in any order, and what
    /// is late must not be for whoever has the ID next. May sleep.
    pub(crate) fn forget(&self, domain: DomainId) {
        let iova = IovaRange::ALL;
        let maps = Purpose::Map { domain, iova };
        let unmaps = Purpose::Unmap { domain, iova };
        self.queue.lock().data_mut().deferred.forget(domain);
        // A device that was given up carries nothing out that is not in its ring.
        let _ = self.wait(Patience::Sleep, |queue| {
            let ledger = &queue.data().ledger;
            let unanswered = ledger.earliest(maps).or_else(|| ledger.earliest(unmaps));
            unanswered.is_none().then_some(())
        });
        let mut queue = self.queue.lock();
        let ledger = &mut queue.data_mut().ledger;
        ledger.forget(maps);
        ledger.forget(unmaps);
    }

    /// Whether the device is about to be reset, or was, and has not been started again.
    pub(crate) fn is_asleep(&self) -> bool {
        self.queue.lock().data().asleep
    }
}
