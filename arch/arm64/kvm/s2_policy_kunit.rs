// SPDX-License-Identifier: GPL-2.0

//! KUnit tests of the policy for memory types at stage 2.
//!
//! They are an object of their own, since they need nothing of KVM but its sources.
//!
//! Run them in a kernel with `CONFIG_KVM_ARM64_S2_POLICY_KUNIT_TEST=y`; with `kunit.enable=1` on the
//! command line where KUnit is off by default.

#[path = "s2_policy/cases/mod.rs"]
mod cases;
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

/// Says what does not hold, and where; KUnit shows the test only.
fn report(case: cases::Case) -> cases::Case {
    case.inspect_err(|failed| {
        kernel::kunit::err(kernel::prelude::fmt!("    # {failed:?}\n"));
    })
}

#[kernel::macros::kunit_tests(kvm_s2_policy_types)]
mod types_tests {
    use super::{
        cases::{
            types,
            Case, //
        },
        report, //
    };

    #[test]
    fn semilattice() -> Case {
        report(types::semilattice())
    }

    #[test]
    fn guest_tables() -> Case {
        report(types::guest_tables())
    }

    #[test]
    fn own_tables() -> Case {
        report(types::own_tables())
    }

    #[test]
    fn host_mappings() -> Case {
        report(types::host_mappings())
    }
}

#[kernel::macros::kunit_tests(kvm_s2_policy_faults)]
mod faults_tests {
    use super::{
        cases::{
            faults,
            Case, //
        },
        report, //
    };

    #[test]
    fn as_c() -> Case {
        report(faults::as_c())
    }

    #[test]
    fn not_asked() -> Case {
        report(faults::not_asked())
    }

    #[test]
    fn never_executable() -> Case {
        report(faults::never_executable())
    }

    #[test]
    fn needs_grant() -> Case {
        report(faults::needs_grant())
    }

    #[test]
    fn protected() -> Case {
        report(faults::protected())
    }

    #[test]
    fn monotone() -> Case {
        report(faults::monotone())
    }

    #[test]
    fn reasons() -> Case {
        report(faults::reasons())
    }

    #[test]
    fn host_registers() -> Case {
        report(faults::host_registers())
    }

    #[test]
    fn misaligned_accesses() -> Case {
        report(faults::misaligned_accesses())
    }
}

#[kernel::macros::kunit_tests(kvm_s2_policy_slots)]
mod slots_tests {
    use super::{
        cases::{
            slots,
            Case, //
        },
        report, //
    };

    #[test]
    fn no_less_than_c() -> Case {
        report(slots::no_less_than_c())
    }

    #[test]
    fn no_more_than_said() -> Case {
        report(slots::no_more_than_said())
    }

    #[test]
    fn mixed_as_raw() -> Case {
        report(slots::mixed_as_raw())
    }

    #[test]
    fn no_sooner_than_needed() -> Case {
        report(slots::no_sooner_than_needed())
    }

    #[test]
    fn protected_is_early() -> Case {
        report(slots::protected_is_early())
    }

    #[test]
    fn no_log_of_devices() -> Case {
        report(slots::no_log_of_devices())
    }
}
