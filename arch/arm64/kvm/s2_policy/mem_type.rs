// SPDX-License-Identifier: GPL-2.0

//! Memory types of stage 2, ordered by how much they let a guest do.

/// A memory type that stage 2 gives to a page, the strictest first.
///
/// Together with [`Self::meet`] the types are a semilattice: whoever has a say names the most that
/// he lets the guest do, and what the guest gets is the least of it. To listen to one more can only
/// make the result stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum MemType {
    /// Device-nGnRE, whatever the guest's own tables say.
    Device,
    /// The guest chooses between Normal Non-cacheable and the Device types.
    NormalNc,
    /// Memory as the host's own.
    Normal,
}

impl MemType {
    /// Returns the stricter one of two types.
    pub(crate) const fn meet(self, other: Self) -> Self {
        match (self, other) {
            (Self::Device, Self::Device | Self::NormalNc | Self::Normal) => Self::Device,
            (Self::NormalNc | Self::Normal, Self::Device) => Self::Device,
            (Self::NormalNc, Self::NormalNc | Self::Normal) => Self::NormalNc,
            (Self::Normal, Self::NormalNc) => Self::NormalNc,
            (Self::Normal, Self::Normal) => Self::Normal,
        }
    }

    /// Returns whether the two are the same, also where a constant is computed.
    pub(crate) const fn is(self, other: Self) -> bool {
        match (self, other) {
            (Self::Device, Self::Device)
            | (Self::NormalNc, Self::NormalNc)
            | (Self::Normal, Self::Normal) => true,
            (Self::Device, Self::NormalNc | Self::Normal)
            | (Self::NormalNc, Self::Device | Self::Normal)
            | (Self::Normal, Self::Device | Self::NormalNc) => false,
        }
    }

    /// Returns whether instructions may be fetched from such memory at all.
    pub(crate) const fn may_hold_code(self) -> bool {
        match self {
            Self::Device | Self::NormalNc => false,
            Self::Normal => true,
        }
    }
}
