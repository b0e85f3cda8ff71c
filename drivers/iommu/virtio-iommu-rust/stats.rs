// SPDX-License-Identifier: GPL-2.0

//! Figures about the requests of one queue.
//!
//! They are plain numbers that the lock of the queue protects, so that counting costs an addition.

use core::{
    fmt,
    ops::DerefMut, //
};

use super::{
    histogram::Histogram,
    proto::Request, //
};

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Attach,
    Detach,
    Map,
    Unmap,
    Probe,
}

impl Kind {
    /// In the order of the protocol's numbers.
    pub(crate) const ALL: [Self; 5] = [
        Self::Attach,
        Self::Detach,
        Self::Map,
        Self::Unmap,
        Self::Probe,
    ];

    /// Returns the kind of `request`.
    pub(crate) const fn of(request: &Request) -> Self {
        match request {
            Request::Attach { .. } => Self::Attach,
            Request::Detach { .. } => Self::Detach,
            Request::Map { .. } => Self::Map,
            Request::Unmap { .. } => Self::Unmap,
            Request::Probe { .. } => Self::Probe,
        }
    }

    /// Returns the name that users see.
    const fn name(self) -> &'static str {
        match self {
            Self::Attach => "attach",
            Self::Detach => "detach",
            Self::Map => "map",
            Self::Unmap => "unmap",
            Self::Probe => "probe",
        }
    }
}

/// Something else that is worth a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// A range was added to the UNMAP of another one.
    Merged,
    /// A failed UNMAP was tried again.
    Retried,
}

impl Note {
    /// In the order in which users see them.
    pub(crate) const ALL: [Self; 2] = [Self::Merged, Self::Retried];

    /// Returns the name that users see.
    const fn name(self) -> &'static str {
        match self {
            Self::Merged => "merged",
            Self::Retried => "retried",
        }
    }
}

/// What became of the requests of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Given to the device.
    pub(crate) sent: u64,
    /// Answered.
    pub(crate) ended: u64,
    /// Answered with an error, or with no proper answer.
    pub(crate) failed: u64,
}

/// All the figures at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Figures {
    attach: Counts,
    detach: Counts,
    map: Counts,
    unmap: Counts,
    probe: Counts,
    merged: u64,
    retried: u64,
    round_trips: Histogram,
}

impl Figures {
    const fn new() -> Self {
        const NONE: Counts = Counts {
            sent: 0,
            ended: 0,
            failed: 0,
        };
        Self {
            attach: NONE,
            detach: NONE,
            map: NONE,
            unmap: NONE,
            probe: NONE,
            merged: 0,
            retried: 0,
            round_trips: Histogram::new(),
        }
    }

    /// Returns what became of the requests of one kind.
    pub(crate) const fn of(&self, kind: Kind) -> &Counts {
        match kind {
            Kind::Attach => &self.attach,
            Kind::Detach => &self.detach,
            Kind::Map => &self.map,
            Kind::Unmap => &self.unmap,
            Kind::Probe => &self.probe,
        }
    }

    fn of_mut(&mut self, kind: Kind) -> &mut Counts {
        match kind {
            Kind::Attach => &mut self.attach,
            Kind::Detach => &mut self.detach,
            Kind::Map => &mut self.map,
            Kind::Unmap => &mut self.unmap,
            Kind::Probe => &mut self.probe,
        }
    }

    /// Returns how often something was noted.
    pub(crate) const fn noted(&self, note: Note) -> u64 {
        match note {
            Note::Merged => self.merged,
            Note::Retried => self.retried,
        }
    }

    /// Returns how many nanoseconds the timed requests took from submission to answer.
    pub(crate) const fn round_trips(&self) -> &Histogram {
        &self.round_trips
    }
}

impl fmt::Display for Figures {
    /// One line for each kind of request and for each other figure.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for kind in Kind::ALL {
            let Counts {
                sent,
                ended,
                failed,
            } = self.of(kind);
            let name = kind.name();
            writeln!(f, "{name} sent {sent} ended {ended} failed {failed}")?;
        }
        for note in Note::ALL {
            writeln!(f, "{} {}", note.name(), self.noted(note))?;
        }
        Ok(())
    }
}

/// A request that the device has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flight {
    kind: Kind,
    /// When it was given to the device, if it is timed.
    since: Option<u64>,
}

/// The figures of one queue.
///
/// `S` has a place for each slot of the queue.
pub(crate) struct Stats<S> {
    figures: Figures,
    flights: S,
    timing: bool,
}

impl<S: DerefMut<Target = [Option<Flight>]>> Stats<S> {
    /// Creates the figures of a queue that nothing was submitted to.
    pub(crate) fn new(mut flights: S) -> Self {
        flights.fill(None);
        Self {
            figures: Figures::new(),
            flights,
            timing: false,
        }
    }

    /// Counts a request that was given to the device in `slot`.
    ///
    /// `clock` returns nanoseconds, and is called only for requests that are timed: reading the
    /// clock of a virtual machine can mean to leave the machine.
    #[inline]
    pub(crate) fn sent(&mut self, slot: usize, kind: Kind, clock: impl FnOnce() -> u64) {
        let counts = self.figures.of_mut(kind);
        counts.sent = counts.sent.saturating_add(1);
        if let Some(flight) = self.flights.get_mut(slot) {
            let since = self.timing.then(clock);
            *flight = Some(Flight { kind, since });
        }
    }

    /// Counts the answer to the request in `slot`.
    #[inline]
    pub(crate) fn ended(&mut self, slot: usize, success: bool, clock: impl FnOnce() -> u64) {
        let Some(flight) = self.flights.get_mut(slot).and_then(Option::take) else {
            return;
        };
        let counts = self.figures.of_mut(flight.kind);
        counts.ended = counts.ended.saturating_add(1);
        if !success {
            counts.failed = counts.failed.saturating_add(1);
        }
        if let Some(since) = flight.since {
            self.figures.round_trips.add(clock().saturating_sub(since));
        }
    }

    /// Counts something else.
    pub(crate) fn note(&mut self, note: Note) {
        let count = match note {
            Note::Merged => &mut self.figures.merged,
            Note::Retried => &mut self.figures.retried,
        };
        *count = count.saturating_add(1);
    }

    /// Chooses whether requests are timed from now on.
    pub(crate) fn set_timing(&mut self, timing: bool) {
        self.timing = timing;
    }

    /// Returns whether requests are timed.
    pub(crate) fn timing(&self) -> bool {
        self.timing
    }

    /// Returns the figures so far.
    pub(crate) fn figures(&self) -> Figures {
        self.figures
    }
}
