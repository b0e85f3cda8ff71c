// SPDX-License-Identifier: GPL-2.0

use crate::{
    input::Input,
    slots::{
        Entry,
        Slot,
        Slots, //
    }, //
};

const COUNT: usize = 6;

/// Submissions, and tokens from the used ring.
///
/// Input: any number of steps of two bytes each.
pub fn slots(data: &[u8]) {
    let mut input = Input(data);
    let mut entries = [Entry::Free(None); COUNT];
    let mut slots = Slots::new(entries.as_mut_slice());
    let mut in_flight: Vec<Slot> = Vec::new();
    let mut returned: Vec<Slot> = Vec::new();

    while !input.is_empty() {
        match input.u8() % 4 {
            0 => match slots.acquire() {
                Some(slot) => {
                    assert!(!in_flight.contains(&slot) && !returned.contains(&slot));
                    in_flight.push(slot);
                }
                None => assert_eq!(in_flight.len() + returned.len(), COUNT),
            },
            1 => {
                let token = match input.index(COUNT + 2) {
                    index if index > COUNT => usize::MAX - index,
                    index => index,
                };
                let place = in_flight.iter().position(|slot| slot.token() == token);
                let completed = slots.complete(token);
                assert_eq!(completed.is_ok(), place.is_some());
                returned.extend(completed);
                if let Some(place) = place {
                    let _ = in_flight.remove(place);
                }
            }
            2 => {
                if let Some(slot) = returned.pop() {
                    assert!(slots.release(slot));
                    assert!(!slots.release(slot));
                }
            }
            _ => {
                if let Some(slot) = in_flight.pop() {
                    assert!(!slots.release(slot));
                    assert!(slots.retract(slot));
                }
            }
        }
        assert_eq!(slots.in_flight(), in_flight.len());
        assert_eq!(slots.free(), COUNT - in_flight.len() - returned.len());
    }
}
