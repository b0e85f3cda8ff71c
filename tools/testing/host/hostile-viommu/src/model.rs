// SPDX-License-Identifier: GPL-2.0

//! The device as it would be if it were honest: endpoints, domains and mappings.
//!
//! What it refuses is counted, because an honest device has nothing to refuse if the driver keeps to
//! the specification.

use std::{
    collections::{BTreeMap, HashMap},
    ops::RangeInclusive, //
};

use crate::wire::{Config, Request, Status};

/// The endpoints that there are: on the first bus, a bridge there, and those behind it. The ACPI
/// table names them.
const ENDPOINTS: [RangeInclusive<u32>; 3] = [0x30..=0x3f, 0x60..=0x67, 0x100..=0x1ff];

/// Flag of ATTACH: no translation.
const BYPASS: u32 = 1;

/// Flags of MAP: read, write and MMIO.
const MAP_FLAGS: u32 = 7;

/// One domain: its mappings, each with its end, by their start.
#[derive(Default)]
struct Domain {
    bypass: bool,
    mappings: BTreeMap<u64, u64>,
}

impl Domain {
    fn overlaps(&self, start: u64, end: u64) -> bool {
        self.mappings
            .range(..=end)
            .next_back()
            .is_some_and(|(_, last)| *last >= start)
    }

    /// Removes what lies in the range, unless a mapping lies there only in part.
    fn unmap(&mut self, start: u64, end: u64) -> Status {
        let split = |at: u64| {
            self.mappings
                .range(..at)
                .next_back()
                .is_some_and(|(_, last)| *last >= at)
        };
        if split(start) || end.checked_add(1).is_some_and(split) {
            return Status::Range;
        }
        self.mappings.retain(|at, _| *at < start || *at > end);
        Status::Ok
    }
}

fn is_endpoint(id: u32) -> bool {
    ENDPOINTS.iter().any(|ids| ids.contains(&id))
}

/// All state of the device that a reset clears.
#[derive(Default)]
pub(crate) struct Model {
    domains: HashMap<u32, Domain>,
    places: HashMap<u32, u32>,
}

impl Model {
    /// Carries a request out.
    pub(crate) fn perform(&mut self, request: &Request, config: &Config) -> Status {
        match *request {
            Request::Attach {
                domain,
                endpoint,
                flags,
            } => self.attach(domain, endpoint, flags, config),
            Request::Detach { domain, endpoint } => self.detach(domain, endpoint),
            Request::Map {
                domain,
                start,
                end,
                flags,
            } => self.map(domain, (start, end), flags, config),
            Request::Unmap { domain, start, end } => match self.domains.get_mut(&domain) {
                None => Status::NoEntry,
                Some(found) if found.bypass || end < start => Status::Invalid,
                Some(found) => found.unmap(start, end),
            },
            Request::Probe { endpoint } if is_endpoint(endpoint) => Status::Ok,
            Request::Probe { .. } => Status::NoEntry,
        }
    }

    /// How many mappings there are in all domains.
    pub(crate) fn mappings(&self) -> usize {
        self.domains.values().map(|d| d.mappings.len()).sum()
    }

    /// Where each endpoint is, as `ENDPOINT=DOMAIN`, in order.
    pub(crate) fn places(&self) -> String {
        let mut places: Vec<_> = self.places.iter().collect();
        places.sort();
        let words = places.iter().map(|(id, domain)| format!("{id}={domain}"));
        words.collect::<Vec<_>>().join(" ")
    }

    fn attach(&mut self, domain: u32, endpoint: u32, flags: u32, config: &Config) -> Status {
        if !is_endpoint(endpoint) {
            return Status::NoEntry;
        }
        let bypass = flags & BYPASS != 0;
        let known = self.domains.get(&domain);
        if flags & !BYPASS != 0 || known.is_some_and(|known| known.bypass != bypass) {
            return Status::Invalid;
        }
        if !(config.domains.0..=config.domains.1).contains(&domain) {
            return Status::Invalid;
        }
        self.domains.entry(domain).or_default().bypass = bypass;
        let before = self.places.insert(endpoint, domain);
        if let Some(before) = before.filter(|before| *before != domain) {
            self.forget_if_empty(before);
        }
        Status::Ok
    }

    fn detach(&mut self, domain: u32, endpoint: u32) -> Status {
        if !is_endpoint(endpoint) {
            return Status::NoEntry;
        }
        if self.places.get(&endpoint) != Some(&domain) {
            return Status::Invalid;
        }
        self.places.remove(&endpoint);
        self.forget_if_empty(domain);
        Status::Ok
    }

    fn map(
        &mut self,
        domain: u32,
        (start, end): (u64, u64),
        flags: u32,
        config: &Config,
    ) -> Status {
        let Some(found) = self.domains.get_mut(&domain) else {
            return Status::NoEntry;
        };
        if found.bypass || end <= start || flags & !MAP_FLAGS != 0 || found.overlaps(start, end) {
            return Status::Invalid;
        }
        let granule = config.page_size_mask & config.page_size_mask.wrapping_neg();
        let inside = config.input.0 <= start && end <= config.input.1;
        let aligned = (start | end.wrapping_add(1)) & granule.wrapping_sub(1) == 0;
        if !inside || !aligned {
            return Status::Range;
        }
        found.mappings.insert(start, end);
        Status::Ok
    }

    /// A domain without endpoints is gone, and its mappings with it.
    fn forget_if_empty(&mut self, domain: u32) {
        if !self.places.values().any(|place| *place == domain) {
            self.domains.remove(&domain);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::HONEST;

    fn attach(domain: u32, endpoint: u32) -> Request {
        Request::Attach {
            domain,
            endpoint,
            flags: 0,
        }
    }

    fn map(start: u64, end: u64) -> Request {
        Request::Map {
            domain: 5,
            start,
            end,
            flags: 3,
        }
    }

    fn unmap(start: u64, end: u64) -> Request {
        Request::Unmap {
            domain: 5,
            start,
            end,
        }
    }

    #[test]
    fn requests_end_as_the_specification_says() {
        let mut model = Model::default();
        for (request, status) in [
            (map(0x1000, 0x1fff), Status::NoEntry),
            (attach(5, 0x2f), Status::NoEntry),
            (attach(5, 0x200), Status::NoEntry),
            (attach(HONEST.domains.1 + 1, 0x30), Status::Invalid),
            (attach(5, 0x30), Status::Ok),
            (map(0x1000, 0x2fff), Status::Ok),
            (map(0x2000, 0x2fff), Status::Invalid),
            (map(0x3000, 0x3ffe), Status::Range),
            (map(0x4000, HONEST.input.1 + 0x1000), Status::Range),
            (map(0x5fff, 0x5000), Status::Invalid),
            (map(0x3000, 0x3fff), Status::Ok),
            (unmap(0x2000, 0x2fff), Status::Range),
            (unmap(0x1000, 0x1fff), Status::Range),
            (unmap(0, u64::MAX), Status::Ok),
            (unmap(0x1000, 0x1fff), Status::Ok),
        ] {
            assert_eq!(model.perform(&request, &HONEST), status, "{request:x?}");
        }
    }

    #[test]
    fn the_last_endpoint_takes_the_domain_with_it() {
        let mut model = Model::default();
        model.perform(&attach(5, 0x30), &HONEST);
        model.perform(&attach(5, 0x31), &HONEST);
        model.perform(&map(0x1000, 0x1fff), &HONEST);
        model.perform(&attach(6, 0x30), &HONEST);
        assert_eq!(model.mappings(), 1);
        let detach = Request::Detach {
            domain: 5,
            endpoint: 0x31,
        };
        assert_eq!(model.perform(&detach, &HONEST), Status::Ok);
        assert_eq!(model.mappings(), 0);
        assert_eq!(model.perform(&detach, &HONEST), Status::Invalid);
    }
}
