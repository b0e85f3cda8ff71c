// SPDX-License-Identifier: GPL-2.0

//! Outstanding requests.

use super::{
    super::{
        ledger::{
            Ledger,
            Purpose,
            UnknownSlot, //
        },
        proto::{
            DomainId,
            Failure,
            Status, //
        }, //
    },
    holds,
    range,
    same,
    Case, //
};

const DOMAIN: DomainId = DomainId::new(1);
const OTHER: DomainId = DomainId::new(2);
const FAILED: Result<(), Failure> = Err(Failure::Status(Status::NoMem));

const fn map(domain: DomainId, start: u64, last: u64) -> Purpose {
    Purpose::Map {
        domain,
        iova: range(start, last),
    }
}

const fn unmap(domain: DomainId, start: u64, last: u64) -> Purpose {
    Purpose::Unmap {
        domain,
        iova: range(start, last),
    }
}

/// Each caller gets its own answer, once, whatever the order.
pub(crate) fn answers() -> Case {
    let (mut pending, mut ended) = ([None; 2], [None; 4]);
    let mut ledger = Ledger::new(pending.as_mut_slice(), ended.as_mut_slice());

    let first = ledger.open(0, Purpose::Awaited).ok_or("first")?;
    let foretold = ledger.next();
    let second = ledger.open(1, Purpose::Awaited).ok_or("second")?;

    holds("tickets are in order", first < second)?;
    same("the next ticket is known before", foretold, second)?;
    same("both are out", ledger.in_flight(), 2)?;
    same("no answer yet", ledger.answer(first), None)?;
    same("second ends", ledger.close(1, Ok(())), Ok(()))?;
    same("first still waits", ledger.answer(first), None)?;
    same("first ends", ledger.close(0, FAILED), Ok(()))?;
    same("none is out", ledger.in_flight(), 0)?;
    same("first failed", ledger.answer(first), Some(FAILED))?;
    same("second succeeded", ledger.answer(second), Some(Ok(())))?;
    same("first is told once", ledger.answer(first), None)?;
    same("second is told once", ledger.answer(second), None)
}

/// What a device that is reset has not answered: who waits hears of a failure, nobody else does.
pub(crate) fn abandoned() -> Case {
    const ALL: Purpose = map(DOMAIN, 0, u64::MAX);
    let (mut pending, mut ended) = ([None; 4], [None; 6]);
    let mut ledger = Ledger::new(pending.as_mut_slice(), ended.as_mut_slice());

    ledger.open(0, ALL).ok_or("answered map")?;
    same("it fails", ledger.close(0, FAILED), Ok(()))?;
    ledger.open(0, ALL).ok_or("map")?;
    let waiting = ledger.open(1, Purpose::Awaited).ok_or("awaited")?;
    ledger.open(3, unmap(DOMAIN, 0, 1)).ok_or("unmap")?;
    ledger
        .open(2, unmap(DOMAIN, 2, 3))
        .ok_or("answered unmap")?;
    same("it fails as well", ledger.close(2, FAILED), Ok(()))?;
    ledger.abandon(Failure::Empty);

    same("none is out", ledger.in_flight(), 0)?;
    holds("the map is settled", ledger.earliest(ALL).is_none())?;
    same("slots are free", ledger.close(3, Ok(())), Err(UnknownSlot))?;
    let unmapped = ledger.failure(unmap(DOMAIN, 0, u64::MAX));
    same("the unmap has not failed", unmapped, None)?;
    let failure = Some((range(0, u64::MAX), Failure::Status(Status::NoMem)));
    same("what failed before has", ledger.failure(ALL), failure)?;
    same("nothing else has", ledger.failure(ALL), None)?;
    let answer = ledger.answer(waiting);
    same("who waits is told", answer, Some(Err(Failure::Empty)))?;
    holds("there is room", ledger.open(1, ALL).is_some())
}

/// A request that is tried once more keeps its place among the others.
pub(crate) fn retries() -> Case {
    const ALL: Purpose = unmap(DOMAIN, 0, u64::MAX);
    let (mut pending, mut ended) = ([None; 2], [None; 3]);
    let mut ledger = Ledger::new(pending.as_mut_slice(), ended.as_mut_slice());

    let first = ledger.open(0, unmap(DOMAIN, 0, 1)).ok_or("first")?;
    let end = ledger.next();
    same("nothing has failed", ledger.failed_unmap(ALL, None), None)?;
    same("it fails", ledger.close(0, FAILED), Ok(()))?;
    let failed = ledger.failed_unmap(ALL, Some(end)).ok_or("failed")?;
    same("which one", failed.ticket, first)?;
    holds("the first time", !failed.again)?;
    same(
        "it was not too early",
        ledger.failed_unmap(ALL, Some(first)),
        None,
    )?;
    holds(
        "it is still known",
        ledger.failed_unmap(ALL, None).is_some(),
    )?;

    holds("no such slot", !ledger.reopen(2, first))?;
    holds("it is out again", ledger.reopen(1, first))?;
    holds("only once", !ledger.reopen(0, first))?;
    same("one is out", ledger.in_flight(), 1)?;
    same("it has not failed", ledger.failed_unmap(ALL, None), None)?;
    holds(
        "others wait for it",
        ledger.earliest(ALL).is_some_and(|ticket| ticket < end),
    )?;

    same("it fails again", ledger.close(1, FAILED), Ok(()))?;
    let failed = ledger.failed_unmap(ALL, Some(end)).ok_or("failed again")?;
    holds("the second time", failed.again)?;
    ledger.drop_ended(failed.ticket);
    same("it is forgotten", ledger.failed_unmap(ALL, None), None)?;
    holds("a map is none", ledger.open(0, map(DOMAIN, 0, 1)).is_some())?;
    same("which fails", ledger.close(0, FAILED), Ok(()))?;
    same("and is no unmap", ledger.failed_unmap(ALL, None), None)
}

/// What is refused changes nothing.
pub(crate) fn refusals() -> Case {
    let (mut pending, mut ended) = ([None; 2], [None; 2]);
    let mut ledger = Ledger::new(pending.as_mut_slice(), ended.as_mut_slice());

    holds("no such slot", ledger.open(2, Purpose::Awaited).is_none())?;
    same("no such request", ledger.close(2, Ok(())), Err(UnknownSlot))?;
    same("not in use", ledger.close(0, Ok(())), Err(UnknownSlot))?;

    let ticket = ledger.open(0, Purpose::Awaited).ok_or("open")?;
    holds("in use", ledger.open(0, Purpose::Awaited).is_none())?;
    same("one is out", ledger.in_flight(), 1)?;
    same("ends", ledger.close(0, FAILED), Ok(()))?;
    same("ends once", ledger.close(0, Ok(())), Err(UnknownSlot))?;
    same("as it did at first", ledger.answer(ticket), Some(FAILED))
}

/// A request is taken only if there is room for its end.
pub(crate) fn room() -> Case {
    let (mut pending, mut ended) = ([None; 2], [None; 2]);
    let mut ledger = Ledger::new(pending.as_mut_slice(), ended.as_mut_slice());
    let page = |number| map(DOMAIN, number, number);

    ledger.open(0, page(0)).ok_or("first")?;
    ledger.open(1, page(1)).ok_or("second")?;
    holds("full of requests", !ledger.has_room())?;
    same("one fails", ledger.close(0, FAILED), Ok(()))?;
    holds("full with its failure", !ledger.has_room())?;
    holds("refused", ledger.open(0, page(2)).is_none())?;
    same("one succeeds", ledger.close(1, Ok(())), Ok(()))?;
    holds("success takes no room", ledger.has_room())?;
    holds("accepted", ledger.open(0, page(2)).is_some())
}

/// Failures of mappings go to whoever asks for their range.
pub(crate) fn failures() -> Case {
    const LOW: Purpose = map(DOMAIN, 0x1000, 0x1fff);
    const HIGH: Purpose = map(DOMAIN, 0x2000, 0x2fff);
    const ALL: Purpose = map(DOMAIN, 0, u64::MAX);
    let (mut pending, mut ended) = ([None; 2], [None; 4]);
    let mut ledger = Ledger::new(pending.as_mut_slice(), ended.as_mut_slice());

    ledger.open(0, LOW).ok_or("low")?;
    ledger.open(1, HIGH).ok_or("high")?;
    holds("not settled", ledger.earliest(ALL).is_some())?;
    same("low fails", ledger.close(0, FAILED), Ok(()))?;
    holds("low is settled", ledger.earliest(LOW).is_none())?;
    holds("high is not", ledger.earliest(HIGH).is_some())?;
    holds(
        "other domain is",
        ledger.earliest(map(OTHER, 0, u64::MAX)).is_none(),
    )?;
    holds(
        "unmaps are",
        ledger.earliest(unmap(DOMAIN, 0, u64::MAX)).is_none(),
    )?;
    same("high succeeds", ledger.close(1, Ok(())), Ok(()))?;

    let failure = Some((range(0x1000, 0x1fff), Failure::Status(Status::NoMem)));
    let high = ledger.failure(HIGH);
    let unmapped = ledger.failure(unmap(DOMAIN, 0, u64::MAX));
    let other = ledger.failure(map(OTHER, 0, u64::MAX));
    same("not for another range", high, None)?;
    same("not for unmaps", unmapped, None)?;
    same("not for another domain", other, None)?;
    same(
        "for who touches it",
        ledger.failure(map(DOMAIN, 0x1fff, 0x1fff)),
        failure,
    )?;
    same("once", ledger.failure(ALL), None)?;

    for slot in 0..2 {
        ledger.open(slot, LOW).ok_or("again")?;
        same("again fails", ledger.close(slot, FAILED), Ok(()))?;
    }
    ledger.forget(HIGH);
    same("not those of another range", ledger.failure(LOW), failure)?;
    ledger.forget(ALL);
    same("forgotten", ledger.failure(ALL), None)
}
