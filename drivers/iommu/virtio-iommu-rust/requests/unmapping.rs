// SPDX-License-Identifier: GPL-2.0

//! UNMAP requests: made later and together, waited for, and tried once more.

use kernel::{
    prelude::*,
    virtio::QueueGuard, //
};

use super::{
    is_settled,
    waiting::Patience,
    Requests,
    State, //
};
use crate::{
    convert::to_error,
    deferred::Range,
    ledger::{
        FailedUnmap,
        Purpose,
        Ticket, //
    },
    proto::{
        DomainId,
        Request,
        MAX_READABLE,
        TAIL_LEN, //
    },
    range::IovaRange,
    stats::{
        Kind,
        Note, //
    }, //
};

impl Requests {
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
    pub(super) fn is_clogged(queue: &QueueGuard<'_, State>) -> bool {
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
}
