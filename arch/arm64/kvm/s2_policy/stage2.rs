// SPDX-License-Identifier: GPL-2.0

//! What a guest hypervisor says of memory in its own stage-2 tables.
//!
//! Specification: Arm Architecture Reference Manual for A-profile, DDI 0487, section D8.6 "Memory
//! region attributes", the tables of stage 2 without and with `HCR_EL2.FWB`.

use super::mem_type::MemType;

/// The field `MemAttr[3:0]` of a stage-2 descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemAttr {
    bit3: bool,
    bit2: bool,
    bit1: bool,
    bit0: bool,
}

impl MemAttr {
    /// Takes the field from the lowest four bits.
    pub(crate) const fn from_bits(bits: u8) -> Self {
        Self {
            bit3: bits & 8 != 0,
            bit2: bits & 4 != 0,
            bit1: bits & 2 != 0,
            bit0: bits & 1 != 0,
        }
    }

    /// Returns the most that the field lets the level below do.
    ///
    /// `forced_write_back` is the guest hypervisor's own `HCR_EL2.FWB`. What is reserved is taken as
    /// KVM takes it where it emulates address translation, so that the two agree.
    pub(crate) const fn mem_type(self, forced_write_back: bool) -> MemType {
        if forced_write_back {
            self.with_fwb()
        } else {
            self.without_fwb()
        }
    }

    /// Bit 3 only says whether allocation tags are looked at.
    const fn with_fwb(self) -> MemType {
        match (self.bit2, self.bit1, self.bit0) {
            (false, false | true, false | true) => MemType::Device,
            (true, false, true) => MemType::NormalNc,
            // Write-back, and what the level below says.
            (true, true, false | true) => MemType::Normal,
            // Reserved.
            (true, false, false) => MemType::Normal,
        }
    }

    /// Two bits each for the outer and the inner caches; no cache is trusted more than the other.
    const fn without_fwb(self) -> MemType {
        match (self.bit3, self.bit2, self.bit1, self.bit0) {
            (false, false, false | true, false | true) => MemType::Device,
            // Write-back without tags.
            (false, true, false, false) => MemType::Normal,
            // Reserved.
            (true, false | true, false, false) => MemType::NormalNc,
            (false, true, true, false | true) | (false | true, true, false, true) => {
                MemType::NormalNc
            }
            (true, false, false, true) => MemType::NormalNc,
            (true, false | true, true, false | true) => MemType::Normal,
        }
    }
}
