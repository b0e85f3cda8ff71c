// SPDX-License-Identifier: GPL-2.0

//! Where a function sits.
//!
//! Specification: PCI Express Base Specification, section "PCI Express Capabilities Register", the
//! field "Device/Port Type".

/// What a function says of itself in its PCI Express capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PortType {
    /// An endpoint.
    Endpoint,
    /// An endpoint that may want I/O space or locked accesses.
    LegacyEndpoint,
    /// An endpoint that is integrated into the root complex.
    Integrated,
    /// A port or a bridge, or a number that nothing is defined for.
    Other,
}

impl PortType {
    /// The numbers are those of `PCI_EXP_TYPE_*`.
    pub(crate) const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Endpoint,
            1 => Self::LegacyEndpoint,
            9 => Self::Integrated,
            2..=8 | 10..=u8::MAX => Self::Other,
        }
    }
}

/// What the way from the processor to a function is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    /// A PCI Express endpoint below a root port: all the way is PCI Express.
    Endpoint,
    /// The same, but of the legacy kind.
    LegacyEndpoint,
    /// No root port is above it. It looks like PCI Express, and may be anything behind that.
    Integrated,
    /// A bridge to or from conventional PCI is above it.
    BehindBridge,
    /// Conventional PCI without any PCI Express.
    Conventional,
}

impl Function {
    /// `port_type` is [`None`] for a function without the capability.
    ///
    /// A port or a bridge is no function that can be assigned. It gets what conventional PCI gets.
    pub(crate) const fn classify(
        port_type: Option<PortType>,
        has_root_port: bool,
        has_bridge: bool,
    ) -> Self {
        match (port_type, has_root_port, has_bridge) {
            (_, true | false, true) => Self::BehindBridge,
            (None | Some(PortType::Other), true | false, false) => Self::Conventional,
            (Some(PortType::Integrated), true | false, false)
            | (Some(PortType::Endpoint | PortType::LegacyEndpoint), false, false) => {
                Self::Integrated
            }
            (Some(PortType::Endpoint), true, false) => Self::Endpoint,
            (Some(PortType::LegacyEndpoint), true, false) => Self::LegacyEndpoint,
        }
    }

    /// The words for people.
    pub(crate) const fn text(self) -> &'static core::ffi::CStr {
        match self {
            Self::Endpoint => c"PCI Express endpoint below a root port",
            Self::LegacyEndpoint => c"legacy PCI Express endpoint below a root port",
            Self::Integrated => c"integrated endpoint",
            Self::BehindBridge => c"behind a bridge to conventional PCI",
            Self::Conventional => c"conventional PCI",
        }
    }
}
