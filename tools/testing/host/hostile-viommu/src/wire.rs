// SPDX-License-Identifier: GPL-2.0

//! The device's side of the wire formats.
//!
//! Reference: Virtual I/O Device (VIRTIO) specification, "IOMMU device". Written apart from the
//! driver's code on purpose: a mistake in one of the two shows.

/// Length of the tail of a request.
pub(crate) const TAIL_LEN: usize = 4;

/// Length of the configuration space.
pub(crate) const CONFIG_LEN: usize = 40;

/// Length of a fault report.
pub(crate) const EVENT_LEN: usize = 24;

/// Feature bits of the device.
pub(crate) mod feature {
    pub(crate) const INPUT_RANGE: u64 = 1 << 0;
    pub(crate) const DOMAIN_RANGE: u64 = 1 << 1;
    pub(crate) const MAP_UNMAP: u64 = 1 << 2;
    pub(crate) const PROBE: u64 = 1 << 4;
    pub(crate) const MMIO: u64 = 1 << 5;
    pub(crate) const BYPASS_CONFIG: u64 = 1 << 6;
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Ok = 0,
    Unsupported = 2,
    DeviceError = 3,
    Invalid = 4,
    Range = 5,
    NoEntry = 6,
    NoMemory = 8,
}

impl Status {
    /// The number on the wire.
    pub(crate) const fn code(self) -> u8 {
        self as u8
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Attach,
    Detach,
    Map,
    Unmap,
    Probe,
}

impl Kind {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Self; 5] = [
        Self::Attach,
        Self::Detach,
        Self::Map,
        Self::Unmap,
        Self::Probe,
    ];

    /// The word for it in the names of cases.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Attach => "attach",
            Self::Detach => "detach",
            Self::Map => "map",
            Self::Unmap => "unmap",
            Self::Probe => "probe",
        }
    }
}

/// A request. Ranges include both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Attach {
        domain: u32,
        endpoint: u32,
        flags: u32,
    },
    Detach {
        domain: u32,
        endpoint: u32,
    },
    Map {
        domain: u32,
        start: u64,
        end: u64,
        flags: u32,
    },
    Unmap {
        domain: u32,
        start: u64,
        end: u64,
    },
    Probe {
        endpoint: u32,
    },
}

impl Request {
    /// Reads the part of a request that the device may read.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let (length, request) = match *bytes.first()? {
            1 => (
                20,
                Self::Attach {
                    domain: u32_at(bytes, 4)?,
                    endpoint: u32_at(bytes, 8)?,
                    flags: u32_at(bytes, 12)?,
                },
            ),
            2 => (
                20,
                Self::Detach {
                    domain: u32_at(bytes, 4)?,
                    endpoint: u32_at(bytes, 8)?,
                },
            ),
            3 => (
                36,
                Self::Map {
                    domain: u32_at(bytes, 4)?,
                    start: u64_at(bytes, 8)?,
                    end: u64_at(bytes, 16)?,
                    flags: u32_at(bytes, 32)?,
                },
            ),
            4 => (
                28,
                Self::Unmap {
                    domain: u32_at(bytes, 4)?,
                    start: u64_at(bytes, 8)?,
                    end: u64_at(bytes, 16)?,
                },
            ),
            5 => (
                72,
                Self::Probe {
                    endpoint: u32_at(bytes, 4)?,
                },
            ),
            _ => return None,
        };
        (bytes.len() == length).then_some(request)
    }

    /// What it asks for.
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Attach { .. } => Kind::Attach,
            Self::Detach { .. } => Kind::Detach,
            Self::Map { .. } => Kind::Map,
            Self::Unmap { .. } => Kind::Unmap,
            Self::Probe { .. } => Kind::Probe,
        }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*field))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_le_bytes(*field))
}

/// The configuration space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) page_size_mask: u64,
    pub(crate) input: (u64, u64),
    pub(crate) domains: (u32, u32),
    pub(crate) probe_size: u32,
    pub(crate) bypass: u8,
}

impl Config {
    /// The bytes as the driver reads them.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(CONFIG_LEN);
        bytes.extend(self.page_size_mask.to_le_bytes());
        bytes.extend(self.input.0.to_le_bytes());
        bytes.extend(self.input.1.to_le_bytes());
        bytes.extend(self.domains.0.to_le_bytes());
        bytes.extend(self.domains.1.to_le_bytes());
        bytes.extend(self.probe_size.to_le_bytes());
        bytes.extend([self.bypass, 0, 0, 0]);
        bytes
    }
}

/// A property with any type and any claim about its length.
pub(crate) fn property(kind: u16, length: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4 + value.len());
    bytes.extend(kind.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend(value);
    bytes
}

/// The value of a RESV_MEM property.
pub(crate) fn reserved_memory(subtype: u8, start: u64, end: u64) -> Vec<u8> {
    let mut bytes = vec![subtype, 0, 0, 0];
    bytes.extend(start.to_le_bytes());
    bytes.extend(end.to_le_bytes());
    bytes
}

/// A fault report.
pub(crate) fn fault(reason: u8, reserved: u8, endpoint: u32, address: u64) -> Vec<u8> {
    const READ_AND_ADDRESS: u32 = 1 | 1 << 8;
    let mut bytes = vec![reason, reserved, 0, 0];
    bytes.extend(READ_AND_ADDRESS.to_le_bytes());
    bytes.extend(endpoint.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(address.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_of_their_length() {
        for (number, length, kind) in [
            (1, 20, Kind::Attach),
            (2, 20, Kind::Detach),
            (3, 36, Kind::Map),
            (4, 28, Kind::Unmap),
            (5, 72, Kind::Probe),
        ] {
            let mut bytes = vec![0; length];
            bytes[0] = number;
            assert_eq!(Request::parse(&bytes).map(|r| r.kind()), Some(kind));
            for shorter in 0..length {
                assert_eq!(Request::parse(&bytes[..shorter]), None);
            }
            bytes.push(0);
            assert_eq!(Request::parse(&bytes), None);
        }
        assert_eq!(Request::parse(&[0; 20]), None);
        assert_eq!(Request::parse(&[6; 20]), None);
    }

    #[test]
    fn fields_are_where_the_specification_has_them() {
        let bytes: Vec<u8> = (0..36).map(|at| if at == 0 { 3 } else { at }).collect();
        assert_eq!(
            Request::parse(&bytes),
            Some(Request::Map {
                domain: 0x0706_0504,
                start: 0x0f0e_0d0c_0b0a_0908,
                end: 0x1716_1514_1312_1110,
                flags: 0x2322_2120,
            })
        );
    }

    #[test]
    fn structures_have_their_lengths() {
        let config = Config {
            page_size_mask: 1,
            input: (2, 3),
            domains: (4, 5),
            probe_size: 6,
            bypass: 7,
        };
        let bytes = config.encode();
        assert_eq!(bytes.len(), CONFIG_LEN);
        assert_eq!((bytes[8], bytes[24], bytes[32], bytes[36]), (2, 4, 6, 7));
        assert_eq!(fault(1, 0, 2, 3).len(), EVENT_LEN);
        assert_eq!(property(1, 20, &reserved_memory(0, 1, 2)).len(), 24);
    }
}
