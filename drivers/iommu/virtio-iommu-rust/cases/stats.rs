// SPDX-License-Identifier: GPL-2.0

//! Figures about requests.

use super::{
    super::{
        proto::{
            DomainId,
            EndpointId,
            MapFlags,
            Request, //
        },
        stats::{
            Counts,
            Flight,
            Kind,
            Note,
            Stats, //
        },
    },
    range,
    same,
    Case, //
};

fn stats(flights: &mut [Option<Flight>]) -> Stats<&mut [Option<Flight>]> {
    Stats::new(flights)
}

const fn counts(sent: u64, ended: u64, failed: u64) -> Counts {
    Counts {
        sent,
        ended,
        failed,
    }
}

/// Each request counts for its kind.
pub(crate) fn kinds() -> Case {
    let (domain, endpoint) = (DomainId::new(1), EndpointId::new(2));
    let iova = range(0, 0xfff);
    let requests = [
        Request::Attach {
            domain,
            endpoint,
            bypass: false,
        },
        Request::Detach { domain, endpoint },
        Request::Map {
            domain,
            iova,
            phys_start: 0,
            flags: MapFlags::READ,
        },
        Request::Unmap { domain, iova },
        Request::Probe { endpoint },
    ];

    let mut flights = [None; 1];
    let mut stats = stats(&mut flights);
    for (request, kind) in requests.iter().zip(Kind::ALL) {
        same("the kind", Kind::of(request), kind)?;
        stats.sent(0, kind, || 0);
        stats.ended(0, true, || 0);
    }
    for kind in Kind::ALL {
        same("counted once", *stats.figures().of(kind), counts(1, 1, 0))?;
    }
    Ok(())
}

/// What is counted when.
pub(crate) fn counting() -> Case {
    let mut flights = [None; 2];
    let mut stats = stats(&mut flights);
    let map = |stats: &Stats<&mut [Option<Flight>]>| *stats.figures().of(Kind::Map);

    same("at first", map(&stats), counts(0, 0, 0))?;
    stats.sent(0, Kind::Map, || 0);
    stats.sent(1, Kind::Map, || 0);
    same("sent", map(&stats), counts(2, 0, 0))?;
    stats.ended(1, false, || 0);
    same("failed", map(&stats), counts(2, 1, 1))?;
    stats.ended(1, false, || 0);
    same(
        "a slot that the device does not have",
        map(&stats),
        counts(2, 1, 1),
    )?;
    stats.ended(2, true, || 0);
    same("a slot that is none", map(&stats), counts(2, 1, 1))?;
    stats.ended(0, true, || 0);
    same("answered", map(&stats), counts(2, 2, 1))?;

    stats.note(Note::Retried);
    same(
        "noted",
        Note::ALL.map(|note| stats.figures().noted(note)),
        [0, 1],
    )?;
    stats.note(Note::Merged);
    same(
        "both",
        Note::ALL.map(|note| stats.figures().noted(note)),
        [1, 1],
    )
}

/// What is timed, and when the clock is read.
pub(crate) fn timing() -> Case {
    let mut flights = [None; 2];
    let mut stats = stats(&mut flights);
    let mut reads = 0;

    stats.sent(0, Kind::Map, || {
        reads += 1;
        0
    });
    stats.set_timing(true);
    stats.ended(0, true, || {
        reads += 1;
        0
    });
    same("sent before the timing began", reads, 0)?;

    stats.sent(0, Kind::Map, || 1000);
    stats.set_timing(false);
    stats.ended(0, true, || 1000 + 70);
    let timed = stats.figures();
    same("timed", timed.round_trips().total(), 1)?;
    let found = timed.round_trips().buckets().find(|(_, count)| *count != 0);
    same("how long it took", found, Some((64, 1)))?;
    same("off again", stats.timing(), false)?;

    stats.set_timing(true);
    stats.sent(0, Kind::Map, || 1000);
    stats.ended(0, true, || 999);
    let found = stats.figures().round_trips().buckets().next();
    same("a clock that went back", found, Some((0, 1)))
}
