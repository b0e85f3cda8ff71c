// SPDX-License-Identifier: GPL-2.0

//! Memory types, and what guest hypervisors call them.

use super::{
    c_rules,
    domain::TYPES,
    facts::{
        Frames,
        HostType, //
    },
    holds,
    mem_type::MemType,
    same,
    stage2::MemAttr,
    Case, //
};

/// The types are a semilattice with Normal at its top.
pub(crate) fn semilattice() -> Case {
    for a in TYPES {
        same("idempotent", a.meet(a), a)?;
        same("top", a.meet(MemType::Normal), a)?;
        same("bottom", a.meet(MemType::Device), MemType::Device)?;
        same("code", a.may_hold_code(), a == MemType::Normal)?;
        for b in TYPES {
            same("the least", a.meet(b), a.min(b))?;
            same("commutative", a.meet(b), b.meet(a))?;
            same("equality", a.is(b), a == b)?;
            for c in TYPES {
                same("associative", a.meet(b).meet(c), a.meet(b.meet(c)))?;
            }
        }
    }
    Ok(())
}

const D: MemType = MemType::Device;
const N: MemType = MemType::NormalNc;
const M: MemType = MemType::Normal;

/// What `s2_memattr_to_attr()` in `arch/arm64/kvm/at.c` takes the field for. NC in one of the two
/// caches is NC.
const WITHOUT_FWB: [MemType; 16] = [D, D, D, D, M, N, N, N, N, N, M, M, N, N, M, M];

/// What `compute_par_s12()` there does without FEAT_MTE_PERM. What keeps the type of stage 1, keeps
/// Normal as well.
const WITH_FWB: [MemType; 8] = [D, D, D, D, M, N, M, M];

/// What a guest hypervisor has in its tables.
pub(crate) fn guest_tables() -> Case {
    for (bits, want) in (0..).zip(WITHOUT_FWB) {
        same(
            "without FWB",
            MemAttr::from_bits(bits).mem_type(false),
            want,
        )?;
    }
    for (bits, want) in (0..).zip(WITH_FWB) {
        same("with FWB", MemAttr::from_bits(bits).mem_type(true), want)?;
        same(
            "with FWB, bit 3",
            MemAttr::from_bits(bits | 8).mem_type(true),
            want,
        )?;
    }
    for bits in u8::MIN..=u8::MAX {
        for fwb in [false, true] {
            holds(
                "four bits",
                MemAttr::from_bits(bits).mem_type(fwb)
                    == MemAttr::from_bits(bits & 15).mem_type(fwb),
            )?;
        }
    }
    Ok(())
}

/// What `stage2_set_prot_attr()` writes for each type is read as that type.
pub(crate) fn own_tables() -> Case {
    let rows = [
        (false, D, 1),
        (false, N, 5),
        (false, M, 15),
        (true, D, 1),
        (true, N, 5),
        (true, M, 6),
    ];
    let mut lost_by_c = 0;
    for (fwb, want, bits) in rows {
        same("as written", MemAttr::from_bits(bits).mem_type(fwb), want)?;
        lost_by_c += usize::from(c_rules::type_after_split(bits) != want);
    }
    same("C loses all but memory", lost_by_c, 4)
}

/// The host's own mapping.
pub(crate) fn host_mappings() -> Case {
    for index in u8::MIN..=u8::MAX {
        same(
            "uncached",
            HostType::from_mair_index(index) == HostType::Uncached,
            [2, 3, 4].contains(&index),
        )?;
    }

    let rows = [
        ("no flag", false, false, Frames::Managed),
        ("mixed", false, true, Frames::Mixed),
        ("page frames", true, false, Frames::Raw),
        ("both", true, true, Frames::Raw),
    ];
    for (row, pfnmap, mixedmap, want) in rows {
        same(row, Frames::from_flags(pfnmap, mixedmap), want)?;
    }
    Ok(())
}
