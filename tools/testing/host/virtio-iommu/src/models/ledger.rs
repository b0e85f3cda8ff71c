// SPDX-License-Identifier: GPL-2.0

//! Outstanding requests, compared with plain lists of them.

use proptest::prelude::*;

use crate::{
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

/// Places for requests; the storage of ends is larger.
const SLOTS: usize = 4;

const ENDS: usize = 7;

type Outcome = Result<(), Failure>;

/// What the users of a queue do, or its device.
#[derive(Clone, Copy, Debug)]
enum Step {
    Open(usize, Purpose),
    Close(usize, Outcome),
    /// Asks for the answer to a request made at some time.
    Answer(prop::sample::Index),
    Settled(Purpose),
    Failure(Purpose),
}

fn mapping() -> impl Strategy<Value = Purpose> {
    (any::<bool>(), 0..2_u32, 0..8_u64, 0..4_u64).prop_map(|(map, domain, start, len)| {
        let domain = DomainId::new(domain);
        let iova = IovaRange::new(start, start + len).unwrap();

        if map {
            Purpose::Map { domain, iova }
        } else {
            Purpose::Unmap { domain, iova }
        }
    })
}

fn purpose() -> impl Strategy<Value = Purpose> {
    prop_oneof![Just(Purpose::Awaited), mapping(), mapping()]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Ok(())),
        Just(Err(Failure::Empty)),
        any::<u8>().prop_map(|status| Status::decode(status).map_err(Failure::Status)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let slot = || 0..=SLOTS;

    prop_oneof![
        4 => (slot(), purpose()).prop_map(|(slot, purpose)| Step::Open(slot, purpose)),
        4 => (slot(), outcome()).prop_map(|(slot, outcome)| Step::Close(slot, outcome)),
        2 => any::<prop::sample::Index>().prop_map(Step::Answer),
        1 => purpose().prop_map(Step::Settled),
        2 => purpose().prop_map(Step::Failure),
    ]
}

/// Whether two mappings are of the same kind and domain and share an address.
fn meet(one: Purpose, other: Purpose) -> bool {
    let parts = |purpose| match purpose {
        Purpose::Awaited => None,
        Purpose::Map { domain, iova } => Some((true, domain, iova.start()..=iova.last())),
        Purpose::Unmap { domain, iova } => Some((false, domain, iova.start()..=iova.last())),
    };

    match (parts(one), parts(other)) {
        (Some((kind, domain, mut addresses)), Some((other_kind, other_domain, others))) => {
            kind == other_kind
                && domain == other_domain
                && addresses.any(|address| others.contains(&address))
        }
        _ => false,
    }
}

/// The requests that should be known.
#[derive(Default)]
struct Model {
    tickets: Vec<Ticket>,
    /// Slot, number of the ticket, and purpose.
    pending: Vec<(usize, usize, Purpose)>,
    /// Number of the ticket, purpose and outcome.
    ended: Vec<(usize, Purpose, Outcome)>,
}

impl Model {
    fn open(
        &mut self,
        slot: usize,
        purpose: Purpose,
        got: Option<Ticket>,
    ) -> Result<(), TestCaseError> {
        let room = self.pending.len() + self.ended.len() < ENDS;
        let in_use = self.pending.iter().any(|&(used, ..)| used == slot);

        prop_assert_eq!(got.is_some(), room && slot < SLOTS && !in_use);
        if let Some(ticket) = got {
            prop_assert!(!self.tickets.contains(&ticket));
            self.pending.push((slot, self.tickets.len(), purpose));
            self.tickets.push(ticket);
        }
        Ok(())
    }

    fn close(&mut self, slot: usize, outcome: Outcome) -> bool {
        let Some(index) = self.pending.iter().position(|&(used, ..)| used == slot) else {
            return false;
        };
        let (_, number, purpose) = self.pending.remove(index);

        if purpose == Purpose::Awaited || outcome.is_err() {
            self.ended.push((number, purpose, outcome));
        }
        true
    }

    fn answer(&mut self, number: usize) -> Option<Outcome> {
        let index = self
            .ended
            .iter()
            .position(|&(ended, purpose, _)| ended == number && purpose == Purpose::Awaited)?;

        Some(self.ended.remove(index).2)
    }

    /// Checks one failure, of which it is open which one it is.
    fn failure(
        &mut self,
        asked: Purpose,
        got: Option<(IovaRange, Failure)>,
    ) -> Result<(), TestCaseError> {
        let index = self.ended.iter().position(|&(_, purpose, outcome)| {
            meet(purpose, asked)
                && match (purpose, got) {
                    (Purpose::Map { iova, .. } | Purpose::Unmap { iova, .. }, Some(got)) => {
                        got.0 == iova && outcome == Err(got.1)
                    }
                    _ => true,
                }
        });

        prop_assert_eq!(got.is_some(), index.is_some());
        if let Some(index) = index {
            let _ = self.ended.remove(index);
        }
        Ok(())
    }

    fn apply(
        &mut self,
        ledger: &mut Ledger<&mut [Option<Pending>], &mut [Option<Ended>]>,
        step: Step,
    ) -> Result<(), TestCaseError> {
        match step {
            Step::Open(slot, purpose) => self.open(slot, purpose, ledger.open(slot, purpose))?,
            Step::Close(slot, outcome) => {
                prop_assert_eq!(
                    ledger.close(slot, outcome).is_ok(),
                    self.close(slot, outcome)
                );
            }
            Step::Answer(index) => {
                if !self.tickets.is_empty() {
                    let number = index.index(self.tickets.len());
                    prop_assert_eq!(ledger.answer(self.tickets[number]), self.answer(number));
                }
            }
            Step::Settled(asked) => {
                let unsettled = self
                    .pending
                    .iter()
                    .any(|&(_, _, purpose)| meet(purpose, asked));
                prop_assert_eq!(ledger.earliest(asked).is_some(), unsettled);
            }
            Step::Failure(asked) => self.failure(asked, ledger.failure(asked))?,
        }

        prop_assert_eq!(ledger.in_flight(), self.pending.len());
        prop_assert_eq!(
            ledger.has_room(),
            self.pending.len() + self.ended.len() < ENDS
        );
        Ok(())
    }
}

proptest! {
    #[test]
    fn lists(steps in prop::collection::vec(step(), 0..150)) {
        let (mut pending, mut ended) = ([None; SLOTS], [None; ENDS]);
        let mut ledger = Ledger::new(pending.as_mut_slice(), ended.as_mut_slice());
        let mut model = Model::default();

        for step in steps {
            model.apply(&mut ledger, step)?;
        }
    }
}
