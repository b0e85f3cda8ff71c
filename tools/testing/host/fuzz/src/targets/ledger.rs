// SPDX-License-Identifier: GPL-2.0

use crate::{
    input::Input,
    ledger::{
        Ended,
        Ledger,
        Pending,
        Purpose,
        Ticket, //
    },
    proto::{
        DomainId,
        Failure,
        Status, //
    },
    range::IovaRange, //
};

const SLOTS: usize = 5;
const ENDS: usize = 8;

type Book<'a> = Ledger<&'a mut [Option<Pending>], &'a mut [Option<Ended>]>;

/// A request that the ledger has to know of.
#[derive(Clone, Copy)]
struct Known {
    slot: usize,
    ticket: Ticket,
    purpose: Purpose,
}

/// What the ledger has to know.
#[derive(Default)]
struct Model {
    pending: Vec<Known>,
    /// Ended, and nobody has asked.
    answers: Vec<(Ticket, bool)>,
    failures: Vec<Purpose>,
}

fn purpose(input: &mut Input<'_>) -> Purpose {
    let bits = input.u8();
    let domain = DomainId::new(u32::from(bits >> 2 & 1));
    let start = u64::from(bits >> 3 & 7);
    let iova = IovaRange::new(start, start + u64::from(bits >> 6)).unwrap();

    match bits & 3 {
        0 | 1 => Purpose::Map { domain, iova },
        2 => Purpose::Unmap { domain, iova },
        _ => Purpose::Awaited,
    }
}

fn meet(one: Purpose, other: Purpose) -> bool {
    let parts = |purpose| match purpose {
        Purpose::Awaited => None,
        Purpose::Map { domain, iova } => Some((0, domain, iova)),
        Purpose::Unmap { domain, iova } => Some((1, domain, iova)),
    };

    match (parts(one), parts(other)) {
        (Some(one), Some(other)) => {
            (one.0, one.1) == (other.0, other.1)
                && one.2.start() <= other.2.last()
                && other.2.start() <= one.2.last()
        }
        _ => false,
    }
}

impl Model {
    fn unheard(&self) -> usize {
        self.answers.len() + self.failures.len()
    }

    fn open(&mut self, ledger: &mut Book<'_>, slot: usize, purpose: Purpose) {
        let taken = self.pending.iter().any(|known| known.slot == slot);
        let room = self.pending.len() + self.unheard() < ENDS;
        let ticket = ledger.open(slot, purpose);

        assert_eq!(ticket.is_some(), room && !taken && slot < SLOTS);
        self.pending.extend(ticket.map(|ticket| Known {
            slot,
            ticket,
            purpose,
        }));
    }

    fn close(&mut self, ledger: &mut Book<'_>, slot: usize, result: Result<(), Failure>) {
        let place = self.pending.iter().position(|known| known.slot == slot);

        assert_eq!(ledger.close(slot, result).is_ok(), place.is_some());
        let Some(known) = place.map(|place| self.pending.remove(place)) else {
            return;
        };
        if known.purpose == Purpose::Awaited {
            self.answers.push((known.ticket, result.is_ok()));
        } else if result.is_err() {
            self.failures.push(known.purpose);
        }
    }

    fn failure(&mut self, ledger: &mut Book<'_>, asked: Purpose) {
        let told = ledger.failure(asked).map(|(iova, _)| iova);
        let place = self.failures.iter().position(|known| {
            let range = match known {
                Purpose::Map { iova, .. } | Purpose::Unmap { iova, .. } => Some(*iova),
                Purpose::Awaited => None,
            };
            meet(*known, asked) && (told.is_none() || told == range)
        });

        assert_eq!(told.is_some(), place.is_some());
        if let Some(place) = place {
            let _ = self.failures.remove(place);
        }
    }

    fn step(&mut self, ledger: &mut Book<'_>, input: &mut Input<'_>) {
        match input.u8() % 5 {
            0 | 1 => {
                let slot = input.index(SLOTS);
                self.open(ledger, slot, purpose(input));
            }
            2 => {
                let slot = input.index(SLOTS);
                let result = Status::decode(input.u8()).map_err(Failure::Status);
                self.close(ledger, slot, result);
            }
            3 => self.failure(ledger, purpose(input)),
            _ => {
                if let Some((ticket, succeeded)) = self.answers.pop() {
                    let answer = ledger.answer(ticket);
                    assert_eq!(answer.map(|answer| answer.is_ok()), Some(succeeded));
                    assert!(ledger.answer(ticket).is_none());
                }
            }
        }
    }

    fn check(&self, ledger: &Book<'_>, asked: Purpose) {
        let earliest = self
            .pending
            .iter()
            .filter(|known| meet(known.purpose, asked))
            .map(|known| known.ticket)
            .min();

        assert!(ledger.earliest(asked) == earliest);
        assert_eq!(ledger.in_flight(), self.pending.len());
        assert_eq!(
            ledger.has_room(),
            self.pending.len() + self.unheard() < ENDS
        );
    }
}

/// Requests, answers to any slot, and questions in any order.
///
/// Input: any number of steps.
pub fn ledger(data: &[u8]) {
    let mut input = Input(data);
    let (mut pending, mut ended) = ([None; SLOTS], [None; ENDS]);
    let mut ledger = Ledger::new(pending.as_mut_slice(), ended.as_mut_slice());
    let mut model = Model::default();

    while !input.is_empty() {
        model.step(&mut ledger, &mut input);
        model.check(
            &ledger,
            Purpose::Map {
                domain: DomainId::new(0),
                iova: IovaRange::ALL,
            },
        );
    }
}
