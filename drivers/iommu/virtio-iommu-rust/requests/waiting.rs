// SPDX-License-Identifier: GPL-2.0

//! Waiting for the device, and hearing what it answers.
//!
//! Whoever waits looks at the queue for all who wait, with the lock held and interrupts off no
//! longer than some looks take, whatever the device does. A device is given up that answers nothing
//! for [`QUIET`] while somebody waits, or that answers others but not the one who waits for
//! [`TIMEOUT`].

use kernel::{
    prelude::*,
    processor::cpu_relax,
    time::{
        delay::fsleep,
        Delta,
        Instant,
        Monotonic, //
    },
    virtio::{
        Completion,
        OwnedBuffer,
        QueueGuard, //
    },
};

use super::{
    Requests,
    State, //
};
use crate::{
    deadlines::{
        QUIET,
        TIMEOUT, //
    },
    proto::{
        check_completion,
        Failure,
        TAIL_LEN, //
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

/// Whether a caller may sleep while it waits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    Spin,
    Sleep,
}

impl Requests {
    /// Tells the device about new requests and waits until `ready` returns something.
    pub(super) fn wait<R>(
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
