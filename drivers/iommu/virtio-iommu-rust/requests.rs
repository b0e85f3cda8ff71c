// SPDX-License-Identifier: GPL-2.0

//! The request queue: giving requests to the device and hearing what became of them.
//!
//! Whoever waits looks at the queue for all who wait, with the lock held and interrupts off no
//! longer than some looks take, whatever the device does. Nobody waits for ever: a device is given
//! up that answers nothing for [`QUIET`] while somebody waits, or that answers
//! others but not the one who waits for [`TIMEOUT`]. After that every request fails with `EIO`.
//! What the device was given stays with the queue until it is reset, since it may still write
//! there.
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
    processor::cpu_relax,
    sync::{
        aref::ARef,
        new_mutex,
        Arc,
        Mutex, //
    },
    time::{
        delay::fsleep,
        Delta,
        Instant,
        Monotonic, //
    },
    virtio::{
        self,
        BufferLayout,
        Completion,
        OwnedBuffer,
        Queue,
        QueueGuard, //
    },
};

use kernel::prelude::*;

use crate::{
    convert::to_error,
    deadlines::{
        QUIET,
        TIMEOUT, //
    },
    deferred::{
        Deferred,
        Range, //
    },
    ledger::{
        Ended,
        FailedUnmap,
        Ledger,
        Pending,
        Purpose,
        Ticket, //
    },
    proto::{
        check_completion,
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

/// How often a caller looks at the queue before it looks at the clock.
///
/// Reading the clock of a virtual machine can mean to leave the machine, and to take a lock there
/// that the device needs in order to answer.
const LOOKS: usize = 1000;

/// How many more times a look turns to the queue with the lock held.
///
/// To take the lock costs more than that. It bounds how long interrupts are off.
const GLANCES: usize = 8;

/// How long a caller that may sleep does so after that many looks.
const NAP: Delta = Delta::from_micros(50);

/// How many requests may be with the device at once, as far as its ring has room.
pub(crate) const MAX_IN_FLIGHT: usize = 128;

/// How many failures of MAP and UNMAP may wait to be asked for before new requests are refused.
const MAX_UNHEARD: usize = 128;

/// Whether a caller may sleep while it waits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    Spin,
    Sleep,
}

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

    /// Makes all UNMAP requests that were put off, and does not wait for the answers.
    pub(crate) fn send_deferred(&self) -> Result {
        self.wait(Patience::Spin, |queue| {
            match Self::submit_deferred(queue, |_| true) {
                Ok(true) => Some(Ok(())),
                // Nobody that could make room may be able to go on before the caller does.
                Ok(false) => Self::is_clogged(queue).then_some(Err(EIO)),
                Err(error) => Some(Err(error)),
            }
        })??;
        let kick = self.queue.lock().kick();
        if let Some(kick) = kick {
            kick.notify();
        }
        Ok(())
    }

    /// Makes the UNMAP requests of `domain` that touch `iova`, and waits for them.
    ///
    /// A failed one is tried once more. `stale` is called for each range that then is still mapped.
    pub(crate) fn sync_unmap(
        &self,
        domain: DomainId,
        iova: IovaRange,
        mut stale: impl FnMut(IovaRange, Error),
    ) -> Result {
        let mut end = None;
        // Each turn takes out a request that was made before the end was known.
        while let Some(failed) = self.flush(Range { domain, iova }, &mut end)? {
            stale(failed.iova, to_error(failed.failure.errno()));
        }
        Ok(())
    }

    /// Makes the UNMAP requests that touch `range`, unless `end` says that this was done, waits for
    /// them, and takes one that has failed twice.
    fn flush(&self, range: Range, end: &mut Option<Ticket>) -> Result<Option<FailedUnmap>> {
        let Range { domain, iova } = range;
        let purpose = Purpose::Unmap { domain, iova };
        self.wait(Patience::Spin, |queue| {
            if end.is_none() {
                match Self::submit_deferred(queue, |deferred| deferred.overlaps(&range)) {
                    Ok(true) => *end = Some(queue.data().ledger.next()),
                    Ok(false) if Self::is_clogged(queue) => {}
                    Ok(false) => return None,
                    Err(error) => return Some(Err(error)),
                }
            }
            Self::settle_unmaps(queue, purpose, *end).transpose()
        })?
    }

    /// Tries UNMAP requests once more that have failed, and takes one that has failed twice.
    ///
    /// `Ok(None)` if some are not answered, `Ok(Some(None))` if all before `end` have succeeded.
    ///
    /// What has failed stays in the ledger until it is with the device again: all others who unmap
    /// in that range go on waiting, and do not take its addresses for free.
    fn settle_unmaps(
        queue: &mut QueueGuard<'_, State>,
        purpose: Purpose,
        end: Option<Ticket>,
    ) -> Result<Option<Option<FailedUnmap>>> {
        while let Some(failed) = queue.data().ledger.failed_unmap(purpose, end) {
            if failed.again {
                queue.data_mut().ledger.drop_ended(failed.ticket);
                return Ok(Some(Some(failed)));
            }
            if !Self::retry(queue, purpose, &failed)? {
                return Ok(None);
            }
        }
        match end {
            Some(end) => {
                let earliest = queue.data().ledger.earliest(purpose);
                Ok(is_settled(earliest, end).then_some(None))
            }
            // There is room again, or else it is the failures of others that take it all.
            None if Self::is_clogged(queue) => Err(EIO),
            None => Ok(None),
        }
    }

    /// Gives the device an UNMAP request again that has failed; returns whether there was a slot.
    fn retry(
        queue: &mut QueueGuard<'_, State>,
        purpose: Purpose,
        failed: &FailedUnmap,
    ) -> Result<bool> {
        let Purpose::Unmap { domain, .. } = purpose else {
            return Err(EINVAL);
        };
        // The request has its place in the ledger already.
        Self::has_room(queue)?;
        let request = Request::Unmap {
            domain,
            iova: failed.iova,
        };
        let mut bytes = [0; MAX_READABLE];
        let slot = match queue.submit(request.encode(&mut bytes), TAIL_LEN) {
            Ok(slot) => slot.index(),
            Err(ENOSPC) => return Ok(false),
            Err(error) => return Err(error),
        };
        let state = queue.data_mut();
        state.count_sent(slot, Kind::Unmap);
        state.stats.note(Note::Retried);
        if state.ledger.reopen(slot, failed.ticket) {
            Ok(true)
        } else {
            Err(EIO)
        }
    }

    /// Whether nothing can be made before somebody takes failures out.
    fn is_clogged(queue: &QueueGuard<'_, State>) -> bool {
        let ledger = &queue.data().ledger;
        !ledger.has_room() && ledger.in_flight() == 0
    }

    /// Submits the UNMAP requests that were put off and that `wanted` accepts.
    ///
    /// Returns whether that was all: there may be no room, or the device may answer requests in any
    /// order and has yet to answer a MAP of the range.
    fn submit_deferred(
        queue: &mut QueueGuard<'_, State>,
        wanted: impl Fn(&Range) -> bool,
    ) -> Result<bool> {
        while let Some((place, Range { domain, iova })) = queue.data().deferred.find(&wanted) {
            let maps = Purpose::Map { domain, iova };
            let ledger = &mut queue.data_mut().ledger;
            if ledger.earliest(maps).is_some() {
                return Ok(false);
            }
            // Whoever made the mappings did not want to know, and now they are gone.
            ledger.forget(maps);
            let request = Request::Unmap { domain, iova };
            let purpose = Purpose::Unmap { domain, iova };
            if Self::submit(queue, &request, purpose)?.is_none() {
                return Ok(false);
            }
            queue.data_mut().deferred.remove(place);
        }
        Ok(true)
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

    /// Tells the device about new requests and waits until `ready` returns something.
    fn wait<R>(
        &self,
        patience: Patience,
        mut ready: impl FnMut(&mut QueueGuard<'_, State>) -> Option<R>,
    ) -> Result<R> {
        let mut begin: Option<Instant<Monotonic>> = None;
        let mut last_answer: Option<(u64, Instant<Monotonic>)> = None;
        loop {
            for _ in 0..LOOKS {
                if let Some(result) = self.look(&mut ready)? {
                    return Ok(result);
                }
                cpu_relax();
            }
            let now = Instant::now();
            let queue = self.queue.lock();
            // While the device is reset, its queue is not usable either.
            if queue.is_broken() && !queue.data().asleep {
                return Err(EIO);
            }
            let answers = queue.data().answers;
            drop(queue);
            let since = match last_answer {
                Some((before, since)) if before == answers => since,
                _ => now,
            };
            last_answer = Some((answers, since));
            if now - since >= QUIET || now - *begin.get_or_insert(now) >= TIMEOUT {
                // It may have been the whole machine that stood still.
                if let Some(result) = self.look(&mut ready)? {
                    return Ok(result);
                }
                self.give_up();
                return Err(EIO);
            }
            if patience == Patience::Sleep {
                fsleep(NAP);
            }
        }
    }

    /// Tells the device about new requests, hears the answers that are there, and looks at the
    /// queue some more times.
    #[inline]
    fn look<R>(
        &self,
        ready: &mut impl FnMut(&mut QueueGuard<'_, State>) -> Option<R>,
    ) -> Result<Option<R>> {
        let mut queue = self.queue.lock();
        let mut kick = queue.kick();
        // Once more for what `ready` may have submitted.
        for _ in 0..2 {
            if let Some(kick) = kick.take() {
                drop(queue);
                kick.notify();
                // A device may well have answered before the notification returns.
                queue = self.queue.lock();
            }
            Self::reap(&mut queue);
            if let Some(result) = ready(&mut queue) {
                return Ok(Some(result));
            }
            if queue.data().dead {
                return Err(EIO);
            }
            kick = queue.kick();
            if kick.is_none() {
                break;
            }
        }
        if let Some(kick) = kick {
            drop(queue);
            kick.notify();
            return Ok(None);
        }
        for _ in 0..GLANCES {
            if Self::reap(&mut queue) {
                return Ok(ready(&mut queue));
            }
        }
        Ok(None)
    }

    /// Takes the device's answers off the queue, as many as fit it.
    ///
    /// Returns whether there were any.
    #[inline]
    fn reap(queue: &mut QueueGuard<'_, State>) -> bool {
        // What was in flight then has ended already.
        if queue.data().asleep {
            return false;
        }
        // To the end, even with nothing in flight: an answer that a device gives twice would pass
        // for that to the next request, which gets the same descriptor.
        for count in 0..queue.capacity() {
            match queue.reap() {
                None => return count > 0,
                Some(Ok(completion)) => Self::hear(queue, &completion),
                Some(Err(_)) => {
                    queue.data_mut().dead = true;
                    return true;
                }
            }
        }
        true
    }

    /// Takes note of one answer.
    #[inline]
    fn hear(queue: &mut QueueGuard<'_, State>, completion: &Completion) {
        let used = u32::try_from(completion.used_len()).unwrap_or(u32::MAX);
        let result = match queue.take_buffer(completion) {
            None => {
                // What is not there is no success.
                let tail = queue.read_array(completion).unwrap_or([u8::MAX; TAIL_LEN]);
                check_completion(used, TAIL_LEN, &tail)
            }
            Some(buffer) => Self::hear_probe(queue, buffer, used),
        };
        let slot = completion.slot().index();
        let state = queue.data_mut();
        state.answers = state.answers.wrapping_add(1);
        state.count_ended(slot, result.is_ok());
        // The queue has checked that the slot was in flight.
        if state.ledger.close(slot, result).is_err() {
            state.dead = true;
        }
    }

    /// Keeps the answer to a PROBE, and says how that ended.
    #[cold]
    fn hear_probe(
        queue: &mut QueueGuard<'_, State>,
        buffer: OwnedBuffer,
        used: u32,
    ) -> Result<(), Failure> {
        let mut tail = [0; TAIL_LEN];
        let expected = buffer.writable_len();
        buffer.read(expected.saturating_sub(TAIL_LEN), &mut tail);
        queue.data_mut().probed = Some(buffer);
        check_completion(used, expected, &tail)
    }

    /// Whether the device is about to be reset, or was, and has not been started again.
    pub(crate) fn is_asleep(&self) -> bool {
        self.queue.lock().data().asleep
    }

    /// Whether the device was given up, or is gone.
    pub(crate) fn is_dead(&self) -> bool {
        let queue = self.queue.lock();
        queue.data().dead || queue.is_broken()
    }

    /// Stops using a device that does not answer.
    pub(crate) fn give_up(&self) {
        let mut queue = self.queue.lock();
        let first = !core::mem::replace(&mut queue.data_mut().dead, true);
        let in_flight = queue.data().ledger.in_flight();
        queue.break_queue();
        drop(queue);
        if first {
            dev_err!(
                self.dev,
                "device does not answer, {} requests given up\n",
                in_flight
            );
        }
    }
}
