// SPDX-License-Identifier: GPL-2.0

//! What the C code does, written down from `arch/arm64/kvm/mmu.c` and what it calls.
//!
//! This is a list of rules in the order of C, with its own errors, and shares nothing with the
//! policy but the questions: where the two agree, they do so by the answer.

use super::{
    domain::{
        Raw,
        RawArea, //
    },
    mem_type::MemType, //
};

/// How a fault ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ending {
    /// `MT_S2_NORMAL`; executable where asked for.
    Normal,
    /// `MT_S2_NORMAL_NC`, never executable.
    NormalNc,
    /// `MT_S2_DEVICE_nGnRE`, never executable.
    Device,
    /// `-EFAULT` to the user of the VM.
    Efault,
    /// `-EINVAL` to the user of the VM.
    Einval,
    /// `-ENOEXEC`, which becomes an external abort in the guest.
    Enoexec,
}

/// `kvm_vma_is_cacheable()`
fn cacheable(mair_index: u8) -> bool {
    const MT_NORMAL_NC: u8 = 2;
    const MT_DEVICE_NGNRNE: u8 = 3;
    const MT_DEVICE_NGNRE: u8 = 4;
    ![MT_NORMAL_NC, MT_DEVICE_NGNRNE, MT_DEVICE_NGNRE].contains(&mair_index)
}

/// `user_mem_abort()`: no word of a guest hypervisor or of the machine is asked for.
pub(super) fn fault(raw: &Raw) -> Ending {
    let mut non_cacheable = false;

    // kvm_s2_fault_pin_pfn()
    if (raw.pfnmap || raw.mixedmap) && !raw.map_memory {
        if !cacheable(raw.mair_index) {
            non_cacheable = true;
        } else if !(raw.host.fwb && raw.host.dic) {
            return Ending::Efault;
        }
    }

    // kvm_s2_fault_compute_prot()
    if raw.fetch && non_cacheable {
        return Ending::Enoexec;
    }
    let mut ending = Ending::Normal;
    if non_cacheable {
        ending = Ending::Device;
        if raw.any_uncached {
            ending = Ending::NormalNc;
        }
    }

    // __pkvm_host_share_guest(): neither types nor anything that is not memory
    if raw.host.protected && (ending != Ending::Normal || !raw.map_memory) {
        return Ending::Einval;
    }
    ending
}

/// `kvm_arch_prepare_memory_region()`: whether the slot is refused, with `-EINVAL`.
pub(super) fn slot_is_refused(area: &RawArea) -> bool {
    if !area.pfnmap {
        return false;
    }
    if area.log_dirty {
        return true;
    }
    cacheable(area.mair_index) && !(area.host.fwb && area.host.dic)
}

/// `kvm_pgtable_stage2_pte_prot()`: the field is not read, and no type is written as Normal.
pub(super) fn type_after_split(_mem_attr: u8) -> MemType {
    MemType::Normal
}
