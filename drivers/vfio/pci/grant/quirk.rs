// SPDX-License-Identifier: GPL-2.0

//! Machines and devices that cannot deal with Normal Non-cacheable.
//!
//! To add one, add a row to [`TABLE`]: what it is to be known by, whom it does not concern, and the
//! erratum. A row takes Normal Non-cacheable away in every mode. An administrator can give it back
//! to a device, or try a row before it is written, with `vfio_pci_core.nc_quirk=`.

use core::ffi::CStr;

/// Functions of one vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id {
    pub(crate) vendor: u16,
    pub(crate) device: u16,
}

impl Id {
    /// `number` has the vendor in its upper half; 0 is no function.
    pub(crate) const fn from_number(number: u32) -> Option<Self> {
        let [v1, v0, d1, d0] = number.to_be_bytes();
        match number {
            0 => None,
            1..=u32::MAX => Some(Self {
                vendor: u16::from_be_bytes([v1, v0]),
                device: u16::from_be_bytes([d1, d0]),
            }),
        }
    }
}

/// A model of processor, by `MIDR_EL1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) implementer: u8,
    pub(crate) part: u16,
}

impl Model {
    /// Variant and revision do not count.
    pub(crate) const fn from_midr(midr: u32) -> Self {
        let [implementer, _, high, low] = midr.to_be_bytes();
        Self {
            implementer,
            part: u16::from_be_bytes([high, low]) >> 4,
        }
    }
}

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Whatever is below this host bridge.
    HostBridge { vendor: u16, devices: Devices },
    /// Whatever is below this root port.
    RootPort { vendor: u16, devices: Devices },
    /// The function itself.
    Function { vendor: u16, devices: Devices },
    /// Everything on a machine with this processor.
    Processor(Model),
}

/// Device numbers of a vendor, from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Devices {
    pub(crate) first: u16,
    pub(crate) last: u16,
}

impl Devices {
    const fn one(device: u16) -> Self {
        Self {
            first: device,
            last: device,
        }
    }

    fn has(&self, id: Option<Id>, vendor: u16) -> bool {
        id.is_some_and(|id| id.vendor == vendor && (self.first..=self.last).contains(&id.device))
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quirk {
    pub(crate) subject: Subject,
    /// Functions of this vendor are not concerned.
    pub(crate) but_vendor: Option<u16>,
    /// The erratum, for people.
    pub(crate) why: &'static CStr,
}

/// Where a function is, and on what machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) function: Option<Id>,
    pub(crate) root_port: Option<Id>,
    pub(crate) host_bridge: Option<Id>,
    pub(crate) model: Model,
}

impl Subject {
    fn is_about(&self, place: &Place) -> bool {
        match self {
            Self::HostBridge { vendor, devices } => devices.has(place.host_bridge, *vendor),
            Self::RootPort { vendor, devices } => devices.has(place.root_port, *vendor),
            Self::Function { vendor, devices } => devices.has(place.function, *vendor),
            Self::Processor(model) => *model == place.model,
        }
    }
}

impl Quirk {
    fn concerns(&self, place: &Place) -> bool {
        let spared = place
            .function
            .is_some_and(|id| Some(id.vendor) == self.but_vendor);
        self.subject.is_about(place) && !spared
    }
}

const AMPERE: u16 = 0x1def;
const NVIDIA: u16 = 0x10de;
const ALTRA: &CStr = c"Ampere Altra erratum 82288 (PCIE_65): wrong addresses of writes with gaps";
const VERA: &CStr = c"NVIDIA Vera: wrong addresses of partial writes to devices of other vendors";

/// What is known. The first row that fits counts.
pub(crate) const TABLE: &[Quirk] = &[
    Quirk {
        subject: Subject::RootPort {
            vendor: AMPERE,
            devices: Devices {
                first: 0xe101,
                last: 0xe118,
            },
        },
        but_vendor: None,
        why: ALTRA,
    },
    Quirk {
        subject: Subject::HostBridge {
            vendor: AMPERE,
            devices: Devices::one(0xe100),
        },
        but_vendor: None,
        why: ALTRA,
    },
    Quirk {
        subject: Subject::HostBridge {
            vendor: AMPERE,
            devices: Devices::one(0xe110),
        },
        but_vendor: None,
        why: ALTRA,
    },
    Quirk {
        // Olympus, the processor of Vera.
        subject: Subject::Processor(Model {
            implementer: 0x4e,
            part: 0x010,
        }),
        but_vendor: Some(NVIDIA),
        why: VERA,
    },
];

/// Returns the row that concerns a function.
pub(crate) fn find<'a>(table: &'a [Quirk], place: &Place) -> Option<&'a Quirk> {
    table.iter().find(|quirk| quirk.concerns(place))
}

/// Returns whether `named`, which an administrator named, is the function or above it.
pub(crate) fn is_named(named: Option<Id>, place: &Place) -> bool {
    let Some(Id { vendor, device }) = named else {
        return false;
    };
    let devices = Devices::one(device);

    [
        Subject::HostBridge { vendor, devices },
        Subject::RootPort { vendor, devices },
        Subject::Function { vendor, devices },
    ]
    .iter()
    .any(|subject| subject.is_about(place))
}
