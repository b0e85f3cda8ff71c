// SPDX-License-Identifier: GPL-2.0

//! The event queue: faults that the device tells of.

use kernel::{
    device,
    ratelimit::RateLimit,
    sync::{
        aref::ARef,
        Arc, //
    },
    virtio::{
        BufferLayout,
        Queue, //
    }, //
};

use kernel::prelude::*;

use crate::{
    fault::{
        parse,
        NotAFault,
        EVENT_LEN, //
    },
    faults::Faults, //
};

/// As many buffers as the ring holds but no more than this, each for one event.
///
/// It is the device that says how long its ring is, and an interrupt handles as many events.
pub(crate) const LAYOUT: BufferLayout = BufferLayout {
    slots: 256,
    readable: 0,
    writable: EVENT_LEN,
};

/// Where events are reported.
#[pin_data]
pub(crate) struct Log {
    dev: ARef<device::Device>,
    faults: Arc<Faults>,
    #[pin]
    limit: RateLimit,
}

impl Log {
    /// Creates the log of the device `dev`, whose endpoints `faults` knows.
    pub(crate) fn new(dev: ARef<device::Device>, faults: Arc<Faults>) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                dev,
                faults,
                limit <- RateLimit::new(c"virtio_iommu event"),
            }),
            GFP_KERNEL,
        )
    }

    /// Reports one event.
    fn event(&self, used: u32, event: &[u8; EVENT_LEN]) {
        let parsed = parse(used, event);
        match &parsed {
            Ok(fault) => self.faults.report(fault),
            Err(_) => self.faults.invalid(),
        }
        // The device sends as many as it likes, so not all of them are logged.
        match parsed {
            Ok(fault) if self.limit.allow() => {
                dev_err!(self.dev, "{}\n", format_args!("{fault}"));
            }
            Err(NotAFault::Length(len)) if self.limit.allow() => {
                dev_err!(
                    self.dev,
                    "invalid event buffer (len {} != {})\n",
                    len,
                    EVENT_LEN
                );
            }
            Ok(_) | Err(NotAFault::Length(_) | NotAFault::Reserved) => {}
        }
    }
}

/// Gives the device a buffer for each free slot.
pub(crate) fn fill(queue: &Queue<Arc<Log>>) -> Result {
    let mut queue = queue.lock();
    for _ in 0..queue.free_slots() {
        queue.submit(&[], EVENT_LEN)?;
    }
    let kick = queue.kick();
    drop(queue);
    if let Some(kick) = kick {
        kick.notify();
    }
    Ok(())
}

/// Reports the events that the device has for us and gives it the buffers back.
///
/// The buffers go back only when all were looked at. That bounds the loop: the device cannot have
/// more events for us than it has buffers.
pub(crate) fn handle(queue: &Queue<Arc<Log>>) {
    while let Some((log, used, event)) = next(queue) {
        log.event(used, &event);
    }
    if let Err(error) = fill(queue) {
        let log = queue.lock().data().clone();
        if log.limit.allow() {
            dev_err!(log.dev, "could not add event buffer: {:?}\n", error);
        }
    }
}

/// Takes one event off the queue.
fn next(queue: &Queue<Arc<Log>>) -> Option<(Arc<Log>, u32, [u8; EVENT_LEN])> {
    let mut queue = queue.lock();
    let completion = queue.reap()?.ok()?;
    let used = u32::try_from(completion.used_len()).unwrap_or(u32::MAX);
    let mut event = [0; EVENT_LEN];
    queue.read(&completion, &mut event);
    Some((queue.data().clone(), used, event))
}
