// SPDX-License-Identifier: GPL-2.0

//! Whether a BAR may be mapped Normal Non-cacheable.

use core::ffi::CStr;

use super::{
    bar::Bar,
    function::Function,
    quirk::Quirk, //
};

/// Who gets Normal Non-cacheable by default; each mode gives less than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mode {
    /// Everyone, as the C code has it.
    Compat,
    /// PCI Express endpoints below a root port.
    Pcie,
    /// Those, for BARs that are like memory.
    Prefetchable,
    /// Nobody.
    Off,
}

/// The most that somebody lets a BAR be mapped with, the strictest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cap {
    Device,
    NormalNc,
}

impl Cap {
    /// Returns what remains of a limit when its owner asks for another one.
    ///
    /// `allowed` is what he has now. He may have as much as that, or less, but never more.
    pub(crate) const fn lower(allowed: Self, wanted: Self) -> Option<Self> {
        match (allowed, wanted) {
            (Self::Device | Self::NormalNc, Self::Device) => Some(Self::Device),
            (Self::NormalNc, Self::NormalNc) => Some(Self::NormalNc),
            (Self::Device, Self::NormalNc) => None,
        }
    }
}

/// The word of an administrator for one device. It counts more than modes and errata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// None: the rules apply.
    Auto,
    /// Device for all of its BARs.
    Device,
    /// Normal Non-cacheable for all of them.
    NormalNc,
}

/// An erratum that concerns a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Erratum<'a> {
    /// A row of the table.
    Known(&'a Quirk),
    /// Named on the kernel's command line.
    Named,
}

/// A BAR that a user wants to map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request<'a> {
    pub(crate) mode: Mode,
    pub(crate) word: Word,
    /// What the user himself let it be.
    pub(crate) limit: Cap,
    pub(crate) erratum: Option<Erratum<'a>>,
    pub(crate) function: Function,
    pub(crate) bar: Bar,
}

/// The permission to let KVM map a BAR Normal Non-cacheable. Only [`decide`] makes one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NcGrant {
    _only_here: (),
}

/// Why a BAR is granted Normal Non-cacheable, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The user of the device has lowered it.
    User,
    /// The administrator has said so for the device.
    Administrator,
    /// An erratum of the table.
    Known(&'static CStr),
    /// An erratum from the command line.
    Named,
    /// The mode gives it to everyone, or to nobody.
    Mode,
    /// The mode depends on where the function is.
    Function,
    /// The mode depends on what the BAR is like.
    Bar,
}

impl Reason {
    /// The words for people.
    pub(crate) const fn text(self) -> &'static CStr {
        match self {
            Self::User => c"lowered by the user",
            Self::Administrator => c"set by the administrator",
            Self::Known(why) => why,
            Self::Named => c"named by vfio_pci_core.nc_quirk",
            Self::Mode => c"by the mode",
            Self::Function => c"by where the function is",
            Self::Bar => c"by what the BAR is like",
        }
    }
}

/// What is decided of a BAR.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// [`None`]: KVM maps it Device.
    pub(crate) grant: Option<NcGrant>,
    pub(crate) reason: Reason,
}

impl Answer {
    const fn new(granted: bool, reason: Reason) -> Self {
        let grant = if granted {
            Some(NcGrant { _only_here: () })
        } else {
            None
        };
        Self { grant, reason }
    }
}

/// Decides whether a BAR may be mapped Normal Non-cacheable.
///
/// The user can always take it from himself. Of the others the administrator of the device has the
/// last word, and errata count in every mode.
pub(crate) const fn decide(request: &Request<'static>) -> Answer {
    match (request.limit, request.word, request.erratum) {
        (Cap::Device, _, _) => Answer::new(false, Reason::User),
        (Cap::NormalNc, Word::Device, _) => Answer::new(false, Reason::Administrator),
        (Cap::NormalNc, Word::NormalNc, _) => Answer::new(true, Reason::Administrator),
        (Cap::NormalNc, Word::Auto, Some(Erratum::Known(quirk))) => {
            Answer::new(false, Reason::Known(quirk.why))
        }
        (Cap::NormalNc, Word::Auto, Some(Erratum::Named)) => Answer::new(false, Reason::Named),
        (Cap::NormalNc, Word::Auto, None) => by_mode(request),
    }
}

const fn by_mode(request: &Request<'static>) -> Answer {
    let is_endpoint = matches!(request.function, Function::Endpoint);

    match request.mode {
        Mode::Compat => Answer::new(true, Reason::Mode),
        Mode::Off => Answer::new(false, Reason::Mode),
        Mode::Pcie => Answer::new(is_endpoint, Reason::Function),
        Mode::Prefetchable if !is_endpoint => Answer::new(false, Reason::Function),
        Mode::Prefetchable => Answer::new(request.bar.is_like_memory(), Reason::Bar),
    }
}
