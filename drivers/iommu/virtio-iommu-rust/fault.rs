// SPDX-License-Identifier: GPL-2.0

//! Fault reports from the event queue.
//!
//! Reference: Virtual I/O Device (VIRTIO) specification, "IOMMU device", "Fault reporting".

use core::fmt;

use super::{
    proto::EndpointId,
    wire::Fields, //
};

/// Length of a fault report.
pub(crate) const EVENT_LEN: usize = 24;

/// Flag of a fault report: the address is valid.
const ADDRESS: u32 = 1 << 8;

/// Reason of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The device does not tell, or gives a reason that the specification does not define.
    Unknown,
    /// The endpoint is in no domain.
    Domain,
    /// The domain has no mapping that permits the access.
    Mapping,
}

impl Reason {
    /// Decodes the reason field.
    const fn decode(byte: u8) -> Self {
        match byte {
            1 => Self::Domain,
            2 => Self::Mapping,
            _ => Self::Unknown,
        }
    }

    /// Returns the word that the driver uses in messages.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Domain => "domain",
            Self::Mapping => "page",
        }
    }
}

/// Kinds of access in a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access(u32);

impl Access {
    const READ: u32 = 1 << 0;
    const WRITE: u32 = 1 << 1;
    const EXEC: u32 = 1 << 2;

    /// Takes the kinds of access out of the flags field.
    const fn from_flags(flags: u32) -> Self {
        Self(flags & (Self::READ | Self::WRITE | Self::EXEC))
    }

    /// Returns whether the endpoint tried to read.
    pub(crate) const fn reads(self) -> bool {
        self.0 & Self::READ != 0
    }

    /// Returns whether the endpoint tried to write.
    pub(crate) const fn writes(self) -> bool {
        self.0 & Self::WRITE != 0
    }

    /// Returns whether the endpoint tried to execute.
    pub(crate) const fn executes(self) -> bool {
        self.0 & Self::EXEC != 0
    }

    /// Returns the letters that the driver uses in messages.
    pub(crate) const fn as_str(self) -> &'static str {
        match (self.reads(), self.writes(), self.executes()) {
            (false, false, false) => "",
            (true, false, false) => "R",
            (false, true, false) => "W",
            (true, true, false) => "RW",
            (false, false, true) => "X",
            (true, false, true) => "RX",
            (false, true, true) => "WX",
            (true, true, true) => "RWX",
        }
    }
}

/// An access of an endpoint that was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Why.
    pub(crate) reason: Reason,
    /// Whose access it was.
    pub(crate) endpoint: EndpointId,
    /// What it tried to do.
    pub(crate) access: Access,
    /// Where, if the device tells.
    pub(crate) address: Option<u64>,
}

impl fmt::Display for Fault {
    // Tests of other projects look for these words in the log: they are those of the C driver.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.reason.as_str();
        let endpoint = self.endpoint.get();

        write!(f, "{reason} fault from EP {endpoint}")?;

        match self.address {
            Some(address) => write!(f, " at {address:#x} [{}]", self.access.as_str()),
            None => Ok(()),
        }
    }
}

/// Why an event is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAFault {
    /// The device claims to have written this many bytes, which is not [`EVENT_LEN`].
    ///
    /// Whatever else is in the buffer is from an earlier event.
    Length(u32),
    /// A reserved byte is set, so this is an event of a kind that is not known yet.
    Reserved,
}

/// Parses an event.
///
/// `used_len` is what the device reported as written, `event` a copy of the buffer, made after
/// that was seen.
pub(crate) fn parse(used_len: u32, event: &[u8; EVENT_LEN]) -> Result<Fault, NotAFault> {
    if usize::try_from(used_len) != Ok(EVENT_LEN) {
        return Err(NotAFault::Length(used_len));
    }

    let [reason, reserved @ ..] = event.bytes_at::<0, 4>();

    if reserved != [0; 3] {
        return Err(NotAFault::Reserved);
    }

    let flags = event.u32_at::<4>();

    Ok(Fault {
        reason: Reason::decode(reason),
        endpoint: EndpointId::new(event.u32_at::<8>()),
        access: Access::from_flags(flags),
        address: (flags & ADDRESS != 0).then_some(event.u64_at::<16>()),
    })
}
