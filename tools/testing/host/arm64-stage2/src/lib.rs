// SPDX-License-Identifier: GPL-2.0

//! Tests of the policy for memory types at stage 2 of arm64.
//!
//! The policy is included from KVM and vfio-pci. Its domain is finite: the cases that KUnit runs too
//! go through all of it, so there is nothing left for random input.

#![cfg(test)]
#![forbid(unsafe_code)]

#[macro_use]
#[path = "../../shared/macros.rs"]
mod macros;

mod grant;

logic! {
    #[deny(clippy::wildcard_enum_match_arm)]
    decision => "../../../../../arch/arm64/kvm/s2_policy/decision.rs";
    #[deny(clippy::wildcard_enum_match_arm)]
    facts => "../../../../../arch/arm64/kvm/s2_policy/facts.rs";
    #[deny(clippy::wildcard_enum_match_arm)]
    mem_type => "../../../../../arch/arm64/kvm/s2_policy/mem_type.rs";
    #[deny(clippy::wildcard_enum_match_arm)]
    slot => "../../../../../arch/arm64/kvm/s2_policy/slot.rs";
    #[deny(clippy::wildcard_enum_match_arm)]
    stage2 => "../../../../../arch/arm64/kvm/s2_policy/stage2.rs";
}

#[path = "../../../../../arch/arm64/kvm/s2_policy/cases/mod.rs"]
mod cases;

tests! {
    types { semilattice guest_tables own_tables host_mappings }
    faults { as_c not_asked never_executable needs_grant protected monotone reasons host_registers misaligned_accesses }
    slots { no_less_than_c no_more_than_said mixed_as_raw no_sooner_than_needed protected_is_early no_log_of_devices }
}
