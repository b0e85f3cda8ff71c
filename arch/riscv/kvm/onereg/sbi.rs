// SPDX-License-Identifier: GPL-2.0

//! SBI extensions of a vCPU, as far as Rust code looks at them.

use super::{
    policy::MultiWord,
    regid::ExtReg, //
};

/// Which SBI extensions a vCPU has, by bits of their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SbiExtensions {
    /// It cannot have them.
    pub(crate) unavailable: u64,
    /// They are enabled.
    pub(crate) enabled: u64,
    /// They are disabled.
    pub(crate) disabled: u64,
}

impl SbiExtensions {
    /// Returns whether a write to a register about SBI extensions would change nothing.
    ///
    /// One that would not be allowed before the vCPU has run either is no such write.
    pub(crate) fn stay_with(self, register: ExtReg, value: u64) -> bool {
        let bit = |number: u64| {
            u32::try_from(number)
                .ok()
                .and_then(|shift| 1_u64.checked_shl(shift))
                .unwrap_or(0)
        };

        match register {
            ExtReg::Single(number) if value == 1 => self.enabled & bit(number) != 0,
            ExtReg::Single(number) if value == 0 => self.disabled & bit(number) != 0,
            ExtReg::On(MultiWord::First) => value & self.disabled == 0,
            ExtReg::Off(MultiWord::First) => value & self.enabled == 0,
            _ => false,
        }
    }

    /// Returns the numbers in a write of many SBI extensions that the vCPU cannot have.
    pub(crate) fn left_out(self, register: ExtReg, value: u64) -> impl Iterator<Item = u16> {
        let known = self.enabled | self.disabled;
        let left = match register {
            ExtReg::On(MultiWord::First) | ExtReg::Off(MultiWord::First) => value & !known,
            _ => 0,
        };

        (0..64).filter(move |number| left >> number & 1 != 0)
    }
}
