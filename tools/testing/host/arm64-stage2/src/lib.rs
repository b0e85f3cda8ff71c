// SPDX-License-Identifier: GPL-2.0

//! Tests of the policy for memory types at stage 2 of arm64.
//!
//! The policy is included from KVM and vfio-pci. Its domain is finite: the cases that KUnit runs too
//! go through all of it, so there is nothing left for random input.

#![cfg(test)]
#![forbid(unsafe_code)]

/// Includes a file of the kernel, in which nothing may be able to panic.
macro_rules! logic {
    ($($name:ident => $path:literal;)*) => {
        $(
            #[deny(
                clippy::as_conversions,
                clippy::expect_used,
                clippy::indexing_slicing,
                clippy::panic,
                clippy::unreachable,
                clippy::unwrap_used,
                clippy::wildcard_enum_match_arm
            )]
            #[path = $path]
            mod $name;
        )*
    };
}

/// Makes tests out of cases. A failure shows the row that does not hold, and where.
macro_rules! tests {
    ($($area:ident { $($case:ident)* })*) => {
        $(
            mod $area {
                $(
                    #[test]
                    fn $case() {
                        assert_eq!(super::cases::$area::$case(), Ok(()));
                    }
                )*
            }
        )*
    };
}

mod grant;

logic! {
    decision => "../../../../../arch/arm64/kvm/s2_policy/decision.rs";
    facts => "../../../../../arch/arm64/kvm/s2_policy/facts.rs";
    mem_type => "../../../../../arch/arm64/kvm/s2_policy/mem_type.rs";
    slot => "../../../../../arch/arm64/kvm/s2_policy/slot.rs";
    stage2 => "../../../../../arch/arm64/kvm/s2_policy/stage2.rs";
}

#[path = "../../../../../arch/arm64/kvm/s2_policy/cases/mod.rs"]
mod cases;

tests! {
    types { semilattice guest_tables own_tables host_mappings }
    faults { as_c not_asked never_executable needs_grant protected monotone reasons host_registers misaligned_accesses }
    slots { no_less_than_c no_more_than_said mixed_as_raw no_sooner_than_needed protected_is_early no_log_of_devices }
}
