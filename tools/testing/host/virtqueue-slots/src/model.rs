// SPDX-License-Identifier: GPL-2.0

//! Slots, compared with sets of them.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::slots::{
    BadToken,
    Entry,
    Slot,
    Slots, //
};

/// What a driver, or a device that lies, can do.
#[derive(Clone, Copy, Debug)]
enum Step {
    Acquire,
    /// Gives back a slot that was acquired at some time, whatever became of it.
    Retract(usize),
    Release(usize),
    /// Completes the slot with this index, which need not exist.
    Complete(usize),
    /// Completes with a token that no slot may have.
    CompleteToken(usize),
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Acquire),
        1 => (0..24_usize).prop_map(Step::Retract),
        5 => (0..24_usize).prop_map(Step::Release),
        6 => (0..24_usize).prop_map(Step::Complete),
        1 => prop_oneof![Just(0), Just(usize::MAX), any::<usize>(), 0xffff..0x10003_usize]
            .prop_map(Step::CompleteToken),
        1 => prop_oneof![19 => Just(Step::Acquire), 1 => Just(Step::Reset)],
    ]
}

/// The state that the slots should have.
struct Model {
    free: BTreeSet<usize>,
    in_flight: BTreeSet<usize>,
    returned: BTreeSet<usize>,
    /// A handle of each slot that was ever acquired.
    handles: Vec<Option<Slot>>,
}

impl Model {
    fn new(capacity: usize) -> Self {
        Self {
            free: (0..capacity).collect(),
            in_flight: BTreeSet::new(),
            returned: BTreeSet::new(),
            handles: vec![None; capacity],
        }
    }

    fn handle(&self, index: usize) -> Option<Slot> {
        self.handles.get(index).copied().flatten()
    }

    fn acquire(&mut self, got: Option<Slot>) -> Result<(), TestCaseError> {
        prop_assert_eq!(got.is_some(), !self.free.is_empty());
        if let Some(slot) = got {
            prop_assert!(self.free.remove(&slot.index()));
            prop_assert!(self.in_flight.insert(slot.index()));
            prop_assert_eq!(slot.token(), slot.index() + 1);
            self.handles[slot.index()] = Some(slot);
        }
        Ok(())
    }

    fn complete(&mut self, token: usize, got: Result<Slot, BadToken>) -> Result<(), TestCaseError> {
        let index = token.checked_sub(1);
        let known = index.is_some_and(|index| self.in_flight.remove(&index));

        prop_assert_eq!(got.is_ok(), known);
        if let Ok(slot) = got {
            prop_assert_eq!(Some(slot.index()), index);
            self.returned.insert(slot.index());
        }
        Ok(())
    }

    fn apply<S>(&mut self, slots: &mut Slots<S>, step: Step) -> Result<(), TestCaseError>
    where
        S: std::ops::DerefMut<Target = [Entry]>,
    {
        match step {
            Step::Acquire => self.acquire(slots.acquire())?,
            Step::Retract(index) => {
                if let Some(slot) = self.handle(index) {
                    let known = self.in_flight.remove(&index);
                    prop_assert_eq!(slots.retract(slot), known);
                    self.free.extend(known.then_some(index));
                }
            }
            Step::Release(index) => {
                if let Some(slot) = self.handle(index) {
                    let known = self.returned.remove(&index);
                    prop_assert_eq!(slots.release(slot), known);
                    self.free.extend(known.then_some(index));
                }
            }
            Step::Complete(index) => self.complete(index + 1, slots.complete(index + 1))?,
            Step::CompleteToken(token) => self.complete(token, slots.complete(token))?,
            Step::Reset => {
                slots.reset();
                let handles = std::mem::take(&mut self.handles);
                *self = Self::new(slots.capacity());
                self.handles = handles;
            }
        }

        prop_assert_eq!(slots.free(), self.free.len());
        prop_assert_eq!(slots.in_flight(), self.in_flight.len());
        Ok(())
    }
}

proptest! {
    #[test]
    fn sets(
        capacity in 0..20_usize,
        steps in prop::collection::vec(step(), 0..200),
        stale in any::<bool>(),
    ) {
        let first = if stale { Entry::InFlight } else { Entry::Returned };
        let mut slots = Slots::new(vec![first; capacity]);
        let mut model = Model::new(capacity);

        prop_assert_eq!(slots.capacity(), capacity);
        prop_assert_eq!(slots.free(), capacity);
        for step in steps {
            model.apply(&mut slots, step)?;
        }

        // Whatever happened, each free slot can be had once.
        let left = model.free.clone();
        let got: Vec<_> = std::iter::from_fn(|| slots.acquire()).map(Slot::index).collect();
        prop_assert_eq!(got.len(), left.len());
        prop_assert_eq!(got.into_iter().collect::<BTreeSet<_>>(), left);
    }
}

/// More entries than there are slot numbers.
#[test]
fn too_many_entries() {
    type Many = Slots<Vec<Entry>>;
    let mut slots = Many::new(vec![Entry::InFlight; Many::MAX + 3]);

    assert_eq!(slots.capacity(), Many::MAX);
    let got: BTreeSet<_> = std::iter::from_fn(|| slots.acquire())
        .map(Slot::index)
        .collect();
    assert_eq!(got.len(), Many::MAX);
    assert_eq!(got.last(), Some(&(Many::MAX - 1)));

    for index in 0..Many::MAX + 3 {
        assert_eq!(slots.complete(index + 1).is_ok(), index < Many::MAX);
    }
}
