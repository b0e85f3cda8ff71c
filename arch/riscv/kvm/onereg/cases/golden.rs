// SPDX-License-Identifier: GPL-2.0

//! What the C code does, written down without looking at the list of extensions.
//!
//! The rows come from the C headers and from isa.c; the functions do step by step what
//! vcpu_onereg.c does.

use Rule::{
    Always,
    HostSmstateen,
    HostSsaia,
    HostSvadu,
    Never,
    Vector, //
};

/// When the C code allows something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// `true`.
    Always,
    /// `false`.
    Never,
    /// If the host has Ssaia.
    HostSsaia,
    /// If the host has Svadu.
    HostSvadu,
    /// If the host has Smstateen.
    HostSmstateen,
    /// If the caller may use vector instructions.
    Vector,
}

/// What the C code asks the host for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Predicates {
    pub(crate) ssaia: bool,
    pub(crate) svadu: bool,
    pub(crate) smstateen: bool,
    pub(crate) vector: bool,
}

impl Predicates {
    /// Returns one of the sixteen.
    pub(crate) const fn nth(number: u8) -> Self {
        Self {
            ssaia: number & 1 != 0,
            svadu: number & 2 != 0,
            smstateen: number & 4 != 0,
            vector: number & 8 != 0,
        }
    }

    pub(crate) const fn allow(self, rule: Rule) -> bool {
        match rule {
            Always => true,
            Never => false,
            HostSsaia => self.ssaia,
            HostSvadu => self.svadu,
            HostSmstateen => self.smstateen,
            Vector => self.vector,
        }
    }
}

/// Number in ONE_REG, ISA bit of the guest, ISA bit of the host, when it may be enabled, and when
/// it may be disabled.
pub(crate) type Golden = (u8, u8, u8, Rule, Rule);

/// All extensions, in the order of their numbers.
pub(crate) const GOLDEN: [Golden; 80] = [
    (0, 0, 0, Always, Never),
    (1, 2, 2, Always, Never),
    (2, 3, 3, Always, Always),
    (3, 5, 5, Always, Always),
    (4, 7, 7, Never, Always),
    (5, 8, 8, Always, Never),
    (6, 12, 12, Always, Never),
    (7, 29, 29, Always, Always),
    (8, 27, 27, Always, Never),
    (9, 28, 28, Always, Never),
    (10, 32, 32, Always, Never),
    (11, 31, 31, Always, Always),
    (12, 34, 34, Always, Always),
    (13, 30, 30, Always, Never),
    (14, 36, 36, Always, HostSmstateen),
    (15, 21, 21, Vector, Always),
    (16, 33, 33, Always, Never),
    (17, 37, 37, Always, Never),
    (18, 38, 38, Always, Never),
    (19, 39, 39, Always, Never),
    (20, 40, 40, Always, Never),
    (21, 41, 41, Always, Never),
    (22, 42, 42, Always, Never),
    (23, 43, 43, Always, Always),
    (24, 44, 44, Always, Never),
    (25, 45, 45, Always, Never),
    (26, 46, 46, Always, Never),
    (27, 47, 47, Always, Never),
    (28, 48, 48, Always, Never),
    (29, 49, 49, Always, Never),
    (30, 50, 50, Always, Never),
    (31, 51, 51, Always, Never),
    (32, 52, 52, Always, Never),
    (33, 53, 53, Always, Never),
    (34, 54, 54, Always, Never),
    (35, 55, 55, Always, Never),
    (36, 56, 56, Always, Never),
    (37, 57, 57, Always, Never),
    (38, 58, 58, Always, Never),
    (39, 59, 59, Always, Never),
    (40, 60, 60, Always, Never),
    (41, 61, 61, Always, Never),
    (42, 62, 62, Always, Never),
    (43, 63, 63, Always, Never),
    (44, 64, 64, Always, Never),
    (45, 65, 65, Always, Never),
    (46, 66, 66, Always, Never),
    (47, 67, 67, Always, Never),
    (48, 68, 68, Always, Never),
    (49, 69, 69, Always, Never),
    (50, 70, 70, Always, Never),
    (51, 71, 71, Always, Never),
    (52, 72, 72, Always, Never),
    (53, 73, 73, Always, Never),
    (54, 26, 26, HostSsaia, Never),
    (55, 79, 79, Always, Never),
    (56, 80, 80, Always, Never),
    (57, 81, 81, Always, Never),
    (58, 82, 82, Always, Never),
    (59, 83, 83, Always, Never),
    (60, 84, 84, Always, Never),
    (61, 85, 85, Always, Never),
    (62, 88, 89, Always, Always),
    (63, 89, 89, Always, Never),
    (64, 92, 92, Always, HostSvadu),
    (65, 93, 93, HostSvadu, Always),
    (66, 86, 86, Always, Never),
    (67, 90, 90, Always, Never),
    (68, 91, 91, Always, Never),
    (69, 97, 97, Always, Never),
    (70, 98, 98, Always, Never),
    (71, 99, 99, Always, Never),
    (72, 94, 94, Always, Never),
    (73, 95, 95, Always, Never),
    (74, 96, 96, Always, Never),
    (75, 103, 103, Always, Always),
    (76, 102, 102, Always, Always),
    (77, 101, 101, Always, Never),
    (78, 104, 104, Always, Always),
    (79, 105, 105, Always, Always),
];

/// No such register.
pub(crate) const ENOENT: i32 = 2;
/// The vCPU has run.
pub(crate) const EBUSY: i32 = 16;
/// The value is wrong.
pub(crate) const EINVAL: i32 = 22;

/// Writes the register of one extension: what it is afterwards, or an error number.
pub(crate) fn set_single(
    golden: Golden,
    host: Predicates,
    on_host: bool,
    in_guest: bool,
    ran: bool,
    value: u64,
) -> Result<bool, i32> {
    let (_, _, _, enable, disable) = golden;

    if !on_host {
        return Err(ENOENT);
    }
    if value == u64::from(in_guest) {
        return Ok(in_guest);
    }
    if ran {
        return Err(EBUSY);
    }
    if value == 1 && host.allow(enable) {
        Ok(true)
    } else if value == 0 && host.allow(disable) {
        Ok(false)
    } else {
        Err(EINVAL)
    }
}

/// Writes the register of single letters: what it is afterwards, or an error number.
///
/// `now` and `host_base` are the lowest words of the two bitmaps. Bits above 31 are an error here,
/// which the C code forgets: that is on the list of differences.
pub(crate) fn set_letters(
    host: Predicates,
    host_base: u64,
    now: u64,
    ran: bool,
    value: u64,
) -> Result<u64, i32> {
    const LETTERS: u64 = (1 << 26) - 1;
    let mut wanted = value;

    if 64 - value.leading_zeros() >= 26 {
        return Err(EINVAL);
    }
    if value == now & LETTERS {
        return Ok(now);
    }
    if ran {
        return Err(EBUSY);
    }
    for bit in 0..26 {
        let one = 1 << bit;

        match GOLDEN.iter().find(|golden| golden.1 == bit) {
            None => wanted &= !one,
            Some((_, _, _, enable, disable)) => {
                if !host.allow(*enable) {
                    wanted &= !one;
                }
                if !host.allow(*disable) && wanted & one == 0 {
                    wanted |= one;
                }
            }
        }
    }

    Ok(now & !LETTERS | wanted & host_base & LETTERS)
}
