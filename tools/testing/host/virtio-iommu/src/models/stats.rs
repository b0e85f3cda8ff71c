// SPDX-License-Identifier: GPL-2.0

//! Figures, compared with the history of all requests.

use proptest::prelude::*;

use crate::stats::{
    Kind,
    Stats, //
};

const SLOTS: usize = 4;

#[derive(Clone, Copy, Debug)]
enum Event {
    Sent(usize, Kind),
    Ended(usize, bool),
    Timing(bool),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..SLOTS, prop::sample::select(&Kind::ALL[..]))
            .prop_map(|(slot, kind)| Event::Sent(slot, kind)),
        4 => (0..SLOTS + 1, any::<bool>()).prop_map(|(slot, good)| Event::Ended(slot, good)),
        1 => any::<bool>().prop_map(Event::Timing),
    ]
}

proptest! {
    #[test]
    fn history(events in prop::collection::vec(event(), 0..100)) {
        let mut stats = Stats::new(vec![None; SLOTS]);
        let mut in_flight = [None; SLOTS + 1];
        let (mut sent, mut ended) = (Vec::new(), Vec::new());
        let (mut timing, mut now, mut times) = (false, 0_u64, Vec::new());

        for event in events {
            now += 100;
            match event {
                // A queue gives no slot out that is in use.
                Event::Sent(slot, kind) if in_flight[slot].is_none() => {
                    stats.sent(slot, kind, || now);
                    sent.push(kind);
                    in_flight[slot] = Some((kind, timing.then_some(now)));
                }
                Event::Sent(..) => {}
                Event::Ended(slot, good) => {
                    stats.ended(slot, good, || now);
                    if let Some((kind, since)) = in_flight[slot].take() {
                        ended.push((kind, good));
                        times.extend(since.map(|since| now - since));
                    }
                }
                Event::Timing(on) => {
                    stats.set_timing(on);
                    timing = on;
                }
            }
        }

        let figures = stats.figures();
        for kind in Kind::ALL {
            let of = |good: bool| ended.iter().filter(|it| **it == (kind, good)).count() as u64;
            let counts = figures.of(kind);
            prop_assert_eq!(counts.sent, sent.iter().filter(|it| **it == kind).count() as u64);
            prop_assert_eq!(counts.ended, of(true) + of(false));
            prop_assert_eq!(counts.failed, of(false));
        }
        prop_assert_eq!(figures.round_trips().total(), times.len() as u64);
        for (lowest, count) in figures.round_trips().buckets().skip(1).take(30) {
            let near = times.iter().filter(|time| (lowest..2 * lowest).contains(time)).count();
            prop_assert_eq!(count, near as u64);
        }
    }
}
