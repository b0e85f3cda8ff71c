// SPDX-License-Identifier: GPL-2.0

//! Firmware features of the SBI extension FWFT, and the extensions that they belong to.
//!
//! That an extension is there means that the guest may turn it on through its feature, not that it
//! is on. So a feature is refused while one of its extensions is off, and a guest that lost the
//! extension has its bits cleared: it could otherwise not be moved to a host without it.

use super::{
    bits::Ids,
    derive, //
};

/// Bits of henvcfg.
pub(crate) mod henvcfg {
    /// Landing pads.
    pub(crate) const LPE: u64 = 1 << 2;
    /// Shadow stacks.
    pub(crate) const SSE: u64 = 1 << 3;
    /// Invalidation, cleaning and flushing of cache blocks.
    pub(crate) const CBOM: u64 = 0b11 << 4 | 1 << 6;
    /// Zeroing of cache blocks.
    pub(crate) const CBZE: u64 = 1 << 7;
    /// How many bits of a pointer are masked.
    pub(crate) const PMM: u64 = 0b11 << 32;
    /// Updates of A and D bits by the processor.
    pub(crate) const ADUE: u64 = 1 << 61;
    /// Page-based memory types.
    pub(crate) const PBMTE: u64 = 1 << 62;
    /// The timer of VS mode.
    pub(crate) const STCE: u64 = 1 << 63;
}

/// The bit of hedeleg for software checks, which landing pads and shadow stacks raise.
const SOFTWARE_CHECK: u64 = 1 << 18;
/// The bits of hedeleg for misaligned loads and stores.
const MISALIGNED: u64 = 1 << 4 | 1 << 6;

/// How many registers each feature has in ONE_REG.
pub(crate) const REGISTERS: u16 = 3;

/// A firmware feature that KVM offers to guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feature {
    /// Misaligned loads and stores are delegated to the guest. It belongs to no extension.
    MisalignedDelegation,
    /// Landing pads.
    LandingPad,
    /// Shadow stacks.
    ShadowStack,
    /// Updates of A and D bits by the processor.
    AdUpdating,
    /// Masking of pointers, which tells how many bits.
    PointerMasking,
}

/// Returns what the switches become when a guest loses extensions: features of those are off.
pub(crate) fn off_with(lost: Ids, now: Switches) -> Switches {
    Feature::ALL
        .into_iter()
        .filter(|feature| !feature.extensions().intersection(lost).is_empty())
        .fold(now, |switches, feature| feature.off(switches))
}

/// What a feature turns on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Switches {
    /// Bits of henvcfg.
    pub(crate) henvcfg: u64,
    /// Bits of hedeleg.
    pub(crate) hedeleg: u64,
}

impl Feature {
    /// All features, in the order of their registers.
    pub(crate) const ALL: [Self; 5] = [
        Self::MisalignedDelegation,
        Self::PointerMasking,
        Self::AdUpdating,
        Self::LandingPad,
        Self::ShadowStack,
    ];

    /// Returns the number that the SBI specification gives it.
    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::MisalignedDelegation => 0,
            Self::LandingPad => 1,
            Self::ShadowStack => 2,
            Self::AdUpdating => 4,
            Self::PointerMasking => 5,
        }
    }

    /// Finds the feature with a number.
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|feature| feature.number() == number)
    }

    /// Returns the number of the first of its [`REGISTERS`] in ONE_REG, which says whether the
    /// feature is enabled. The others are its flags and its value.
    pub(crate) const fn first_register(self) -> u16 {
        match self {
            Self::MisalignedDelegation => 0,
            Self::PointerMasking => 3,
            Self::AdUpdating => 6,
            Self::LandingPad => 9,
            Self::ShadowStack => 12,
        }
    }

    /// Finds the feature that a register in ONE_REG belongs to.
    pub(crate) fn of_register(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|feature| {
            let first = u64::from(feature.first_register());

            (first..first + u64::from(REGISTERS)).contains(&number)
        })
    }

    /// Returns whether the feature has to belong to an extension.
    pub(crate) const fn is_tied(self) -> bool {
        !matches!(self, Self::MisalignedDelegation)
    }

    /// Returns the extensions without any of which a guest does not have the feature.
    pub(crate) const fn extensions(self) -> Ids {
        match self {
            Self::MisalignedDelegation => Ids::EMPTY,
            Self::LandingPad => derive::LANDING_PAD,
            Self::ShadowStack => derive::SHADOW_STACK,
            Self::AdUpdating => derive::AD_UPDATING,
            Self::PointerMasking => derive::POINTER_MASKING,
        }
    }

    /// Returns whether a guest with these extensions may have the feature.
    pub(crate) const fn is_open_to(self, guest: Ids) -> bool {
        guest.contains(self.extensions())
    }

    /// Returns the bits that are the feature's own.
    const fn own(self) -> Switches {
        let (henvcfg, hedeleg) = match self {
            Self::MisalignedDelegation => (0, MISALIGNED),
            Self::LandingPad => (henvcfg::LPE, 0),
            Self::ShadowStack => (henvcfg::SSE, 0),
            Self::AdUpdating => (henvcfg::ADUE, 0),
            Self::PointerMasking => (henvcfg::PMM, 0),
        };

        Switches { henvcfg, hedeleg }
    }

    /// Returns what the switches become when the feature is turned off.
    ///
    /// Software checks are delegated as long as one of the two features that raise them is on.
    pub(crate) const fn off(self, now: Switches) -> Switches {
        let own = self.own();
        let henvcfg = now.henvcfg & !own.henvcfg;
        let checks = match self {
            Self::LandingPad | Self::ShadowStack
                if henvcfg & (henvcfg::LPE | henvcfg::SSE) == 0 =>
            {
                SOFTWARE_CHECK
            }
            _ => 0,
        };

        Switches {
            henvcfg,
            hedeleg: now.hedeleg & !own.hedeleg & !checks,
        }
    }
}
