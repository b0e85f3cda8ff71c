// SPDX-License-Identifier: GPL-2.0

//! Requests of the virtio-iommu protocol, and what their completion means.
//!
//! C header: [`include/uapi/linux/virtio_iommu.h`](srctree/include/uapi/linux/virtio_iommu.h)
//!
//! Reference: Virtual I/O Device (VIRTIO) specification, "IOMMU device", "Device operations".
//!
//! A request is a buffer that the device reads, followed by one that it writes. The latter ends
//! with a tail that holds the status; for PROBE the properties of the endpoint come before it.

use super::{
    errno::Errno,
    range::IovaRange,
    wire::Fields, //
};

/// Length of the readable part of the longest request, PROBE.
pub(crate) const MAX_READABLE: usize = 72;

/// Length of the readable part of the longest request other than PROBE, which is MAP.
pub(crate) const MAX_MAP_READABLE: usize = 36;

/// Length of the tail that the device writes at the end of each request.
pub(crate) const TAIL_LEN: usize = 4;

/// Request types.
mod kind {
    pub(super) const ATTACH: u8 = 1;
    pub(super) const DETACH: u8 = 2;
    pub(super) const MAP: u8 = 3;
    pub(super) const UNMAP: u8 = 4;
    pub(super) const PROBE: u8 = 5;
}

/// Flag of ATTACH: the domain passes all accesses through.
const ATTACH_BYPASS: u32 = 1 << 0;

/// Identifies an address space of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DomainId(u32);

impl DomainId {
    /// Wraps the number that is used on the wire.
    pub(crate) const fn new(id: u32) -> Self {
        Self(id)
    }

    /// Returns the number that is used on the wire.
    pub(crate) const fn get(self) -> u32 {
        self.0
    }
}

/// Identifies a device whose accesses are translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EndpointId(u32);

impl EndpointId {
    /// Wraps the number that is used on the wire.
    pub(crate) const fn new(id: u32) -> Self {
        Self(id)
    }

    /// Returns the number that is used on the wire.
    pub(crate) const fn get(self) -> u32 {
        self.0
    }
}

/// A set of access flags of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MapFlags(u32);

impl MapFlags {
    /// No access.
    pub(crate) const NONE: Self = Self(0);
    /// The endpoint may read.
    pub(crate) const READ: Self = Self(1 << 0);
    /// The endpoint may write.
    pub(crate) const WRITE: Self = Self(1 << 1);
    /// The target is a device, not memory.
    pub(crate) const MMIO: Self = Self(1 << 2);

    /// Returns the set for the given protection.
    pub(crate) const fn new(read: bool, write: bool, mmio: bool) -> Self {
        let mut flags = Self::NONE;

        if read {
            flags = flags.union(Self::READ);
        }
        if write {
            flags = flags.union(Self::WRITE);
        }
        if mmio {
            flags = flags.union(Self::MMIO);
        }

        flags
    }

    /// Returns the flags that are in either set.
    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether all flags of `other` are in this set.
    pub(crate) const fn contains(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Returns the flags as they are on the wire.
    pub(crate) const fn bits(self) -> u32 {
        self.0
    }
}

/// A request to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Puts an endpoint into a domain, which begins to exist with its first endpoint.
    Attach {
        /// The domain.
        domain: DomainId,
        /// The endpoint.
        endpoint: EndpointId,
        /// Whether the domain passes all accesses through untranslated.
        bypass: bool,
    },
    /// Takes an endpoint out of its domain, which ceases to exist with its last endpoint.
    Detach {
        /// The domain.
        domain: DomainId,
        /// The endpoint.
        endpoint: EndpointId,
    },
    /// Maps a range of a domain.
    Map {
        /// The domain.
        domain: DomainId,
        /// Where the endpoint accesses it.
        iova: IovaRange,
        /// The physical address that the start of `iova` is mapped to.
        phys_start: u64,
        /// What the endpoint may do.
        flags: MapFlags,
    },
    /// Removes all mappings in a range of a domain.
    Unmap {
        /// The domain.
        domain: DomainId,
        /// The range. It must not split a mapping.
        iova: IovaRange,
    },
    /// Asks for the properties of an endpoint.
    Probe {
        /// The endpoint.
        endpoint: EndpointId,
    },
}

impl Request {
    /// Returns the number of bytes that the device reads.
    pub(crate) const fn readable_len(&self) -> usize {
        match self {
            Self::Attach { .. } | Self::Detach { .. } => 20,
            Self::Map { .. } => MAX_MAP_READABLE,
            Self::Unmap { .. } => 28,
            Self::Probe { .. } => MAX_READABLE,
        }
    }

    /// Returns the number of bytes that the device writes.
    ///
    /// `probe_size` is the size of the properties that the device announces in its configuration.
    pub(crate) const fn writable_len(&self, probe_size: usize) -> usize {
        match self {
            Self::Probe { .. } => probe_size.saturating_add(TAIL_LEN),
            _ => TAIL_LEN,
        }
    }

    /// Writes what the device reads into `buf` and returns that part of `buf`.
    pub(crate) fn encode<'a>(&self, buf: &'a mut [u8; MAX_READABLE]) -> &'a [u8] {
        // All that is not set below is reserved, and the device may check that it is zero.
        *buf = [0; MAX_READABLE];

        match *self {
            Self::Attach {
                domain,
                endpoint,
                bypass,
            } => {
                buf.put_u8::<0>(kind::ATTACH);
                buf.put_u32::<4>(domain.get());
                buf.put_u32::<8>(endpoint.get());
                buf.put_u32::<12>(if bypass { ATTACH_BYPASS } else { 0 });
            }
            Self::Detach { domain, endpoint } => {
                buf.put_u8::<0>(kind::DETACH);
                buf.put_u32::<4>(domain.get());
                buf.put_u32::<8>(endpoint.get());
            }
            Self::Map {
                domain,
                iova,
                phys_start,
                flags,
            } => {
                buf.put_u8::<0>(kind::MAP);
                buf.put_u32::<4>(domain.get());
                buf.put_u64::<8>(iova.start());
                buf.put_u64::<16>(iova.last());
                buf.put_u64::<24>(phys_start);
                buf.put_u32::<32>(flags.bits());
            }
            Self::Unmap { domain, iova } => {
                buf.put_u8::<0>(kind::UNMAP);
                buf.put_u32::<4>(domain.get());
                buf.put_u64::<8>(iova.start());
                buf.put_u64::<16>(iova.last());
            }
            Self::Probe { endpoint } => {
                buf.put_u8::<0>(kind::PROBE);
                buf.put_u32::<4>(endpoint.get());
            }
        }

        // No request is longer than the buffer, so this is never empty.
        buf.get(..self.readable_len()).unwrap_or_default()
    }
}

/// The reason that the device gives for not carrying out a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Virtio communication error.
    IoErr,
    /// Unsupported request.
    Unsupp,
    /// Internal device error.
    DevErr,
    /// Invalid parameters.
    Inval,
    /// Out-of-range parameters.
    Range,
    /// Entry not found.
    NoEnt,
    /// Bad address.
    Fault,
    /// Insufficient resources.
    NoMem,
    /// A status that the specification does not define.
    Unknown(u8),
}

impl Status {
    /// Decodes the status byte of a tail.
    pub(crate) const fn decode(byte: u8) -> Result<(), Self> {
        Err(match byte {
            0 => return Ok(()),
            1 => Self::IoErr,
            2 => Self::Unsupp,
            3 => Self::DevErr,
            4 => Self::Inval,
            5 => Self::Range,
            6 => Self::NoEnt,
            7 => Self::Fault,
            8 => Self::NoMem,
            _ => Self::Unknown(byte),
        })
    }

    /// Returns the error that callers of the IOMMU API see.
    pub(crate) const fn errno(self) -> Errno {
        match self {
            Self::Unsupp => Errno::NoSys,
            Self::Inval => Errno::Inval,
            Self::Range => Errno::Range,
            Self::NoEnt => Errno::NoEnt,
            Self::Fault => Errno::Fault,
            Self::NoMem => Errno::NoMem,
            Self::IoErr | Self::DevErr | Self::Unknown(_) => Errno::Io,
        }
    }
}

/// Why a completed request counts as failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The device wrote nothing, not even a status.
    Empty,
    /// The device claims to have written another length than that of its part of the request.
    Length {
        /// What the device claims.
        used: u32,
        /// What it should have written.
        expected: usize,
    },
    /// The device reported a failure.
    Status(Status),
}

impl Failure {
    /// Returns the error that callers of the IOMMU API see.
    pub(crate) const fn errno(self) -> Errno {
        match self {
            Self::Empty | Self::Length { .. } => Errno::Io,
            Self::Status(status) => status.errno(),
        }
    }
}

/// Decides whether a completed request succeeded.
///
/// `used_len` is what the device reported as written, `expected_len` is the length of the writable
/// part, and `tail` a copy of its last bytes, made after the completion was seen.
///
/// The tail is looked at only if the device wrote it: a request that the device did not carry out
/// must not pass for a success because its buffer happened to be zero.
pub(crate) fn check_completion(
    used_len: u32,
    expected_len: usize,
    tail: &[u8; TAIL_LEN],
) -> Result<(), Failure> {
    if used_len == 0 {
        return Err(Failure::Empty);
    }

    if usize::try_from(used_len) != Ok(expected_len) {
        return Err(Failure::Length {
            used: used_len,
            expected: expected_len,
        });
    }

    let [status, _reserved @ ..] = *tail;

    Status::decode(status).map_err(Failure::Status)
}
