// SPDX-License-Identifier: GPL-2.0

//! Policy for memory types at stage 2.
//!
//! C version of these rules: [`arch/arm64/kvm/mmu.c`](srctree/arch/arm64/kvm/mmu.c)
//!
//! C header: [`arch/arm64/include/asm/kvm_s2_policy.h`](srctree/arch/arm64/include/asm/kvm_s2_policy.h)
//!
//! Specification: Arm Architecture Reference Manual for A-profile, DDI 0487, section D8.6 "Memory
//! region attributes".
//!
//! This is the boundary: it turns numbers into types and answers into numbers. What is decided is
//! in `decision` and `slot`, which know nothing of the kernel. Everything goes by value, and no
//! number is an index into anything, so there is nothing for a guest to speculate past.
//!
//! In QEMU: `-machine virt,virtualization=on,gic-version=3,iommu=smmuv3 -cpu max`, with a device
//! that has memory, such as `ivshmem-plain`, and vfio-pci bound to it.

use kernel::{
    bindings,
    error::code, //
};

use kernel::prelude::*;

#[path = "s2_policy/decision.rs"]
mod decision;
#[path = "s2_policy/facts.rs"]
mod facts;
#[path = "s2_policy/mem_type.rs"]
mod mem_type;
#[path = "s2_policy/slot.rs"]
mod slot;
#[path = "s2_policy/stage2.rs"]
mod stage2;

use decision::{
    Decision,
    Misaligned,
    Reason,
    Refusal, //
};
use facts::{
    Facts,
    Frames,
    Grant,
    Host,
    HostType,
    Page,
    SlotPage,
    Target, //
};
use mem_type::MemType;
use slot::SlotArea;
use stage2::MemAttr;

type RawFacts = bindings::kvm_s2_policy_facts;
type Verdict = bindings::kvm_s2_policy_verdict;

fn host(raw: &RawFacts) -> Host {
    Host {
        fwb: raw.fwb,
        dic: raw.dic,
        protected: raw.protected,
        devices: if raw.normal_nc {
            MemType::NormalNc
        } else {
            MemType::Device
        },
    }
}

fn guest_hypervisor(raw: &RawFacts) -> Option<MemType> {
    let said = |flag| u32::from(raw.nested) & flag != 0;

    // What is above the field's four bits is not looked at.
    said(bindings::KVM_S2_POLICY_NESTED)
        .then(|| MemAttr::from_bits(raw.nested).mem_type(said(bindings::KVM_S2_POLICY_NESTED_FWB)))
}

fn frames(raw: &RawFacts) -> Frames {
    Frames::from_flags(
        has(raw, bindings::KVM_S2_POLICY_PFNMAP_BIT),
        has(raw, bindings::KVM_S2_POLICY_MIXEDMAP_BIT),
    )
}

fn grant(raw: &RawFacts) -> Grant {
    Grant::new(has(raw, bindings::KVM_S2_POLICY_ANY_UNCACHED_BIT))
}

/// Returns whether the virtual memory area has the flag.
fn has(raw: &RawFacts, bit: u32) -> bool {
    raw.vm_flags >> bit & 1 != 0
}

fn slot_page(raw: &RawFacts) -> SlotPage {
    SlotPage {
        frames: frames(raw),
        page: Page::new(raw.map_memory),
        host_type: HostType::from_mair_index(raw.mair_index),
        grant: grant(raw),
        guest_hypervisor: guest_hypervisor(raw),
    }
}

fn slot_area(raw: &RawFacts) -> SlotArea {
    let said = |flag| u32::from(raw.slot) & flag != 0;

    SlotArea {
        frames: frames(raw),
        host_type: HostType::from_mair_index(raw.mair_index),
        grant: grant(raw),
        first: said(bindings::KVM_S2_POLICY_SLOT_PAGE).then(|| Page::new(raw.map_memory)),
        log_dirty: said(bindings::KVM_S2_POLICY_SLOT_LOG),
    }
}

const fn type_number(mem_type: MemType) -> u32 {
    match mem_type {
        MemType::Device => bindings::kvm_s2_policy_prot_KVM_S2_POLICY_DEVICE,
        MemType::NormalNc => bindings::kvm_s2_policy_prot_KVM_S2_POLICY_NORMAL_NC,
        MemType::Normal => bindings::kvm_s2_policy_prot_KVM_S2_POLICY_NORMAL,
    }
}

fn prot_number(mem_type: MemType) -> i8 {
    let executable = if mem_type.may_hold_code() {
        bindings::kvm_s2_policy_prot_KVM_S2_POLICY_EXECUTABLE
    } else {
        0
    };
    // As with `small()`: all bits would be refused.
    (type_number(mem_type) | executable)
        .try_into()
        .unwrap_or(i8::MAX)
}

const fn reason_number(reason: Reason) -> u32 {
    match reason {
        Reason::Memory => bindings::kvm_s2_policy_reason_KVM_S2_POLICY_MEMORY,
        Reason::DeviceMemory => bindings::kvm_s2_policy_reason_KVM_S2_POLICY_DEVICE_MEMORY,
        Reason::DriverGrant => bindings::kvm_s2_policy_reason_KVM_S2_POLICY_DRIVER_GRANT,
        Reason::NoDriverGrant => bindings::kvm_s2_policy_reason_KVM_S2_POLICY_NO_DRIVER_GRANT,
        Reason::Machine => bindings::kvm_s2_policy_reason_KVM_S2_POLICY_MACHINE,
        Reason::GuestHypervisor => bindings::kvm_s2_policy_reason_KVM_S2_POLICY_GUEST_HYPERVISOR,
        Reason::HostRegisters => bindings::kvm_s2_policy_reason_KVM_S2_POLICY_HOST_REGISTERS,
    }
}

/// Returns how C reports a fault that is refused, and the reason.
const fn refusal_numbers(refusal: Refusal) -> (Error, u32) {
    match refusal {
        Refusal::NotCoherent => (
            code::EFAULT,
            bindings::kvm_s2_policy_reason_KVM_S2_POLICY_NOT_COHERENT,
        ),
        Refusal::Protected => (
            code::EINVAL,
            bindings::kvm_s2_policy_reason_KVM_S2_POLICY_PROTECTED,
        ),
        Refusal::DirtyLog => (
            code::EINVAL,
            bindings::kvm_s2_policy_reason_KVM_S2_POLICY_DIRTY_LOG,
        ),
    }
}

/// The numbers of the enums fit easily; one that did not would be refused as too many bits.
fn small(number: u32) -> u8 {
    number.try_into().unwrap_or(u8::MAX)
}

fn failure(error: Error, reason: u32) -> Verdict {
    Verdict {
        // The numbers of the errors above fit; one that did not would still be an error.
        prot: error.to_errno().try_into().unwrap_or(i8::MIN),
        reason: small(reason),
    }
}

fn verdict(decision: Decision) -> Verdict {
    match decision {
        Decision::Map { mem_type, reason } => Verdict {
            prot: prot_number(mem_type),
            reason: small(reason_number(reason)),
        },
        Decision::Reject(refusal) => {
            let (error, reason) = refusal_numbers(refusal);
            failure(error, reason)
        }
    }
}

/// Decides how a page of a memory slot is mapped.
///
/// # Safety
///
/// Always safe to call: nothing is pointed at.
#[export]
pub unsafe extern "C" fn kvm_s2_policy_decide(facts: RawFacts) -> Verdict {
    verdict(decision::decide(&Facts {
        host: host(&facts),
        target: Target::Slot(slot_page(&facts)),
    }))
}

/// Decides how registers are mapped that the kernel itself hands to a guest.
///
/// # Safety
///
/// Always safe to call: nothing is pointed at.
#[export]
pub unsafe extern "C" fn kvm_s2_policy_decide_host(facts: RawFacts) -> Verdict {
    verdict(decision::decide(&Facts {
        host: host(&facts),
        target: Target::HostRegisters,
    }))
}

/// Checks a part of a memory slot. The only error is the one of `KVM_SET_USER_MEMORY_REGION`.
///
/// # Safety
///
/// Always safe to call: nothing is pointed at.
#[export]
pub unsafe extern "C" fn kvm_s2_policy_check_slot(facts: RawFacts) -> Verdict {
    match slot::check(&host(&facts), &slot_area(&facts)) {
        Ok(()) => Verdict::default(),
        Err(refusal) => {
            let (_, reason) = refusal_numbers(refusal);
            failure(code::EINVAL, reason)
        }
    }
}

/// Returns the type that the host has in a leaf of its own tables.
///
/// # Safety
///
/// Always safe to call: nothing is pointed at.
#[export]
pub unsafe extern "C" fn kvm_s2_policy_leaf(mem_attr: u8, fwb: bool) -> u8 {
    small(type_number(MemAttr::from_bits(mem_attr).mem_type(fwb)))
}

/// Returns whether a guest hypervisor is to be told of a misaligned access.
///
/// # Safety
///
/// Always safe to call: nothing is pointed at.
#[export]
pub unsafe extern "C" fn kvm_s2_policy_is_nested_device(facts: RawFacts) -> bool {
    match decision::misaligned(guest_hypervisor(&facts)) {
        Misaligned::Guest => false,
        Misaligned::GuestHypervisor => true,
    }
}
