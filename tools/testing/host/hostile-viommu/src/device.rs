// SPDX-License-Identifier: GPL-2.0

//! The device apart from its queues: what it does and what it says about it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    case::Case,
    config::HONEST,
    lie::{self, Answer},
    model::Model,
    properties,
    wire::{Config, Kind, Request, Status, TAIL_LEN}, //
};

/// How many requests of each kind there were.
#[derive(Default)]
struct Counts([u64; Kind::ALL.len()]);

/// A device that behaves as the case says.
pub(crate) struct Device {
    case: Case,
    model: Model,
    /// How often the configuration was read.
    config_reads: AtomicU64,
    counts: Counts,
    /// Requests that an honest device had to refuse, or could not read.
    refused: u64,
    /// The last of them, for people.
    last_refused: String,
}

impl Device {
    /// Creates an honest device.
    pub(crate) fn new() -> Self {
        Self {
            case: Case::Honest,
            model: Model::default(),
            config_reads: AtomicU64::new(0),
            counts: Counts::default(),
            refused: 0,
            last_refused: String::new(),
        }
    }

    /// Behaves differently from now on, and counts from 0 again.
    pub(crate) fn behave(&mut self, case: Case) {
        self.case = case;
        self.config_reads = AtomicU64::new(0);
        self.counts = Counts::default();
        self.refused = 0;
        self.last_refused.clear();
    }

    /// Forgets what the driver has set up.
    pub(crate) fn reset(&mut self) {
        self.model = Model::default();
    }

    /// The configuration as a read finds it.
    pub(crate) fn read_config(&self) -> Config {
        let read = self.config_reads.fetch_add(1, Ordering::Relaxed);
        match self.case {
            Case::Config(lie) => lie.config(read),
            _ => HONEST,
        }
    }

    /// Answers a request whose writable part has `room` bytes.
    pub(crate) fn answer(&mut self, bytes: &[u8], room: usize) -> Answer {
        let request = Request::parse(bytes);
        let kind = request.map(|request| request.kind());
        let lie = self.lie_about(kind);
        let status = match &request {
            Some(request) if lie.is_none_or(lie::Lie::performs) => self.perform(request),
            Some(_) => Status::Ok,
            None => self.refuse(Status::Unsupported, &format!("{bytes:x?}")),
        };
        if lie == Some(lie::Lie::Forgets) {
            self.reset();
        }
        let properties = match (kind, self.case) {
            (Some(Kind::Probe), case) => {
                let lie = match case {
                    Case::Properties(lie) => Some(lie),
                    _ => None,
                };
                properties::answer(lie, room.saturating_sub(TAIL_LEN))
            }
            _ => Vec::new(),
        };
        lie::answer(lie, status, &properties, room)
    }

    /// How many requests there were, and what is left of them.
    pub(crate) fn statistics(&self) -> String {
        let counts = Kind::ALL.iter().zip(self.counts.0);
        let mut words: Vec<String> = counts
            .map(|(kind, count)| format!("{}={count}", kind.name()))
            .collect();
        words.push(format!("mapped={}", self.model.mappings()));
        words.push(format!("refused={}", self.refused));
        words.push(self.last_refused.clone());
        words.join(" ")
    }

    /// Where each endpoint is.
    pub(crate) fn places(&self) -> String {
        self.model.places()
    }

    fn perform(&mut self, request: &Request) -> Status {
        let config = match self.case {
            Case::Config(lie) => lie.config(0),
            _ => HONEST,
        };
        match self.model.perform(request, &config) {
            Status::Ok => Status::Ok,
            status => self.refuse(status, &format!("{request:x?}")),
        }
    }

    fn refuse(&mut self, status: Status, what: &str) -> Status {
        self.refused += 1;
        self.last_refused = format!("{what}: {status:?}");
        status
    }

    /// Counts a request, and says how it is to be answered wrongly.
    fn lie_about(&mut self, found: Option<Kind>) -> Option<lie::Lie> {
        let found = found?;
        let place = Kind::ALL.iter().position(|kind| *kind == found)?;
        *self.counts.0.get_mut(place)? += 1;
        let Case::Answers {
            kind,
            lie,
            times,
            after,
        } = &mut self.case
        else {
            return None;
        };
        if kind.is_some_and(|kind| kind != found) || *times == 0 {
            return None;
        }
        if *after > 0 {
            *after -= 1;
            return None;
        }
        if *times != u32::MAX {
            *times -= 1;
        }
        Some(*lie)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(number: u8, length: usize, fields: &[(usize, u64)]) -> Vec<u8> {
        let mut bytes = vec![0; length];
        bytes[0] = number;
        for (at, value) in fields {
            let field = value.to_le_bytes();
            let end = (at + 8).min(length);
            bytes[*at..end].copy_from_slice(&field[..end - at]);
        }
        bytes
    }

    fn attach() -> Vec<u8> {
        request(1, 20, &[(4, 5 | 0x30 << 32)])
    }

    fn map() -> Vec<u8> {
        request(3, 36, &[(4, 5), (8, 0x1000), (16, 0x1fff), (32, 3)])
    }

    fn device(case: &str) -> Device {
        let mut device = Device::new();
        device.behave(Case::parse(case).expect(case));
        device
    }

    fn status(answer: &Answer) -> u8 {
        answer.bytes[answer.bytes.len() - TAIL_LEN]
    }

    #[test]
    fn a_lie_is_told_of_its_kind_only_and_as_often_as_asked() {
        let mut device = device("map/status-no-memory/1");
        assert_eq!(status(&device.answer(&attach(), 4)), 0);
        assert_eq!(status(&device.answer(&map(), 4)), 8);
        assert_eq!(device.model.mappings(), 0);
        assert_eq!(status(&device.answer(&map(), 4)), 0);
        assert_eq!(
            device.statistics().trim(),
            "attach=1 detach=0 map=2 unmap=0 probe=0 mapped=1 refused=0"
        );
    }

    #[test]
    fn a_lie_waits_for_its_turn() {
        let mut device = device("map/status-no-memory/1/1");
        assert_eq!(status(&device.answer(&attach(), 4)), 0);
        for expected in [0, 8, 0] {
            assert_eq!(status(&device.answer(&map(), 4)), expected);
            device.answer(&request(4, 28, &[(4, 5), (16, u64::MAX)]), 4);
        }
        assert_eq!(device.places(), "48=5");
    }

    #[test]
    fn forgetting_shows_in_the_next_answer() {
        let mut device = device("attach/forgets");
        assert_eq!(status(&device.answer(&attach(), 4)), 0);
        assert_eq!(status(&device.answer(&map(), 4)), Status::NoEntry.code());
    }

    #[test]
    fn any_means_all() {
        let mut device = device("any/length-zero");
        for bytes in [attach(), map()] {
            assert_eq!(device.answer(&bytes, 4).used[0].length, 0);
        }
    }

    #[test]
    fn what_an_honest_device_refuses_is_counted() {
        let mut device = Device::new();
        assert_eq!(status(&device.answer(&map(), 4)), 6);
        assert_eq!(status(&device.answer(&[9; 4], 4)), 2);
        assert!(device.statistics().contains("refused=2"));
        device.behave(Case::Honest);
        assert!(device.statistics().contains("refused=0"));
    }

    #[test]
    fn properties_come_before_the_tail() {
        let mut device = device("properties/ones");
        let probe = request(5, 72, &[(4, 0x30)]);
        let answer = device.answer(&probe, 516);
        assert_eq!(answer.bytes.len(), 516);
        assert!(answer.bytes[..512].iter().all(|byte| *byte == 0xff));
        assert_eq!(answer.bytes[512..], [0; 4]);
    }

    #[test]
    fn a_reset_forgets_all() {
        let mut device = Device::new();
        device.answer(&attach(), 4);
        device.answer(&map(), 4);
        device.reset();
        assert!(device.statistics().contains("mapped=0"));
    }
}
