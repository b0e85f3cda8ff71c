// SPDX-License-Identifier: GPL-2.0

//! UNMAP requests that wait to be made.

use super::{
    super::{
        deferred::{
            Deferred,
            Range, //
        },
        proto::DomainId, //
    },
    holds,
    range,
    same,
    Case, //
};

const DOMAIN: DomainId = DomainId::new(1);
const OTHER: DomainId = DomainId::new(2);

const fn of(domain: DomainId, start: u64, last: u64) -> Range {
    Range {
        domain,
        iova: range(start, last),
    }
}

/// Takes out all ranges, and returns how many there were and the last.
fn drain(deferred: &mut Deferred) -> (usize, Option<Range>) {
    let mut count = 0;
    let mut last = None;
    while let Some((place, range)) = deferred.find(|_| true) {
        deferred.remove(place);
        count += 1;
        last = Some(range);
    }
    (count, last)
}

/// Ranges are joined where nothing is between them, and only there.
pub(crate) fn neighbours() -> Case {
    const FIRST: Range = of(DOMAIN, 0x2000, 0x2fff);
    // Second range, what comes out of both if they are joined.
    const TABLE: &[(&str, Range, Option<Range>)] = &[
        (
            "behind",
            of(DOMAIN, 0x3000, 0x4fff),
            Some(of(DOMAIN, 0x2000, 0x4fff)),
        ),
        (
            "before",
            of(DOMAIN, 0x1000, 0x1fff),
            Some(of(DOMAIN, 0x1000, 0x2fff)),
        ),
        ("a gap behind", of(DOMAIN, 0x3001, 0x4fff), None),
        ("a gap before", of(DOMAIN, 0x1000, 0x1ffe), None),
        ("the same", FIRST, None),
        ("an overlap", of(DOMAIN, 0x2800, 0x37ff), None),
        ("another domain", of(OTHER, 0x3000, 0x3fff), None),
        ("the last address", of(DOMAIN, 0, u64::MAX), None),
    ];

    for &(row, second, joined) in TABLE {
        let mut deferred = Deferred::new();
        holds(row, deferred.add(FIRST) && deferred.add(second))?;
        let want = joined.map_or((2, Some(second)), |joined| (1, Some(joined)));
        same(row, drain(&mut deferred), want)?;
    }

    Ok(())
}

/// A list has an end, is due before it, and takes neighbours even when it is full.
pub(crate) fn room() -> Case {
    let mut deferred = Deferred::new();
    let page = |number: u64| of(DOMAIN, number << 13, (number << 13) + 0xfff);
    let count = (0..1000)
        .take_while(|number| deferred.add(page(*number)))
        .count();

    same("places", (count, deferred.len()), (64, 64))?;
    holds("it is due", deferred.is_due())?;
    holds("no other", !deferred.add(of(OTHER, 0x1000, 0x1fff)))?;
    holds("a neighbour", deferred.add(of(DOMAIN, 0x7_f000, 0x7_ffff)))?;
    let (place, last) = deferred
        .find(|range| range.overlaps(&page(63)))
        .ok_or("last")?;
    same("joined", last, of(DOMAIN, 0x7_e000, 0x7_ffff))?;
    deferred.remove(place);
    holds(
        "gone",
        deferred.find(|range| range.overlaps(&page(63))).is_none(),
    )?;
    holds("room again", deferred.add(page(63)))?;
    deferred.remove(64);
    same("all there", drain(&mut deferred).0, 64)?;
    holds("not due", !deferred.is_due())
}

/// What is deferred of a domain can be forgotten.
pub(crate) fn forgetting() -> Case {
    let mut deferred = Deferred::new();
    for range in [of(DOMAIN, 0, 1), of(OTHER, 0, 1), of(DOMAIN, 4, 5)] {
        holds("room", deferred.add(range))?;
    }
    deferred.forget(DOMAIN);
    same(
        "the other's",
        drain(&mut deferred),
        (1, Some(of(OTHER, 0, 1))),
    )
}
