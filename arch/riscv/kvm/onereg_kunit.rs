// SPDX-License-Identifier: GPL-2.0

//! KUnit tests of the policy of the ONE_REG interface.
//!
//! They are an object of their own: the policy needs neither a host with the H extension nor KVM's
//! Rust code. What the host has is a part of each case.
//!
//! Run them in a kernel with `CONFIG_KVM_RISCV_ONEREG_KUNIT_TEST=y`; with `kunit.enable=1` on the
//! command line where KUnit is off by default.

#[allow(dead_code, reason = "KVM has more to do with it than tests")]
#[path = "onereg/bits.rs"]
mod bits;
#[path = "onereg/cases/mod.rs"]
mod cases;
#[path = "onereg/check.rs"]
mod check;
#[allow(dead_code, reason = "KVM has more to do with it than tests")]
#[path = "onereg/closure.rs"]
mod closure;
#[path = "onereg/counters.rs"]
mod counters;
#[allow(dead_code, reason = "KVM has more to do with it than tests")]
#[path = "onereg/derive.rs"]
mod derive;
#[allow(dead_code, reason = "KVM has more to do with it than tests")]
#[path = "onereg/errno.rs"]
mod errno;
#[allow(dead_code, reason = "KVM has more to do with it than tests")]
#[path = "onereg/fwft.rs"]
mod fwft;
#[path = "onereg/boundary/nospec.rs"]
mod nospec;
#[allow(dead_code, reason = "KVM has more to do with it than tests")]
#[path = "onereg/policy.rs"]
mod policy;
#[allow(dead_code, reason = "KVM has more to do with it than tests")]
#[path = "onereg/regid.rs"]
mod regid;
#[path = "onereg/rows.rs"]
mod rows;
#[path = "onereg/sbi.rs"]
mod sbi;
#[allow(dead_code, reason = "KVM has more to do with it than tests")]
#[path = "onereg/table.rs"]
mod table;

/// Says which row of a table does not hold; KUnit shows the case only.
fn report(case: cases::Case) -> cases::Case {
    case.inspect_err(|row| kernel::kunit::err(kernel::prelude::fmt!("    # row: {row}\n")))
}

#[kernel::macros::kunit_tests(kvm_riscv_onereg_ids)]
mod ids_tests {
    use super::{
        cases::{
            ids,
            Case, //
        },
        report, //
    };

    #[test]
    fn types() -> Case {
        report(ids::types())
    }

    #[test]
    fn sizes() -> Case {
        report(ids::sizes())
    }

    #[test]
    fn other_bits() -> Case {
        report(ids::other_bits())
    }

    #[test]
    fn round_trip() -> Case {
        report(ids::round_trip())
    }

    #[test]
    fn config() -> Case {
        report(ids::config())
    }

    #[test]
    fn core_and_csr() -> Case {
        report(ids::core_and_csr())
    }

    #[test]
    fn extensions() -> Case {
        report(ids::extensions())
    }
}

#[kernel::macros::kunit_tests(kvm_riscv_onereg_policy)]
mod policy_tests {
    use super::{
        cases::{
            policy,
            Case, //
        },
        report, //
    };

    #[test]
    fn rows() -> Case {
        report(policy::rows())
    }

    #[test]
    fn questions() -> Case {
        report(policy::questions())
    }

    #[test]
    fn singles() -> Case {
        report(policy::singles())
    }

    #[test]
    fn unknown() -> Case {
        report(policy::unknown())
    }

    #[test]
    fn many() -> Case {
        report(policy::many())
    }

    #[test]
    fn letters() -> Case {
        report(policy::letters())
    }

    #[test]
    fn float() -> Case {
        report(policy::float())
    }

    #[test]
    fn run_once() -> Case {
        report(policy::run_once())
    }

    #[test]
    fn changes() -> Case {
        report(policy::changes())
    }
}

#[kernel::macros::kunit_tests(kvm_riscv_onereg_closure)]
mod closure_tests {
    use super::{
        cases::{
            closure,
            Case, //
        },
        report, //
    };

    #[test]
    fn registers() -> Case {
        report(closure::registers())
    }

    #[test]
    fn opt_in() -> Case {
        report(closure::opt_in())
    }

    #[test]
    fn refusals() -> Case {
        report(closure::refusals())
    }

    #[test]
    fn transactions() -> Case {
        report(closure::transactions())
    }

    #[test]
    fn left_out() -> Case {
        report(closure::left_out())
    }

    #[test]
    fn closed() -> Case {
        report(closure::closed())
    }

    #[test]
    fn singles_off() -> Case {
        report(closure::singles_off())
    }

    #[test]
    fn singles_on() -> Case {
        report(closure::singles_on())
    }

    #[test]
    fn new_vcpus() -> Case {
        report(closure::new_vcpus())
    }
}

#[kernel::macros::kunit_tests(kvm_riscv_onereg_firmware)]
mod firmware_tests {
    use super::{
        cases::{
            firmware,
            Case, //
        },
        report, //
    };

    #[test]
    fn switches() -> Case {
        report(firmware::switches())
    }

    #[test]
    fn software_checks() -> Case {
        report(firmware::software_checks())
    }

    #[test]
    fn extensions() -> Case {
        report(firmware::extensions())
    }

    #[test]
    fn counters() -> Case {
        report(firmware::counters())
    }

    #[test]
    fn registers() -> Case {
        report(firmware::registers())
    }

    #[test]
    fn lost_extensions() -> Case {
        report(firmware::lost_extensions())
    }

    #[test]
    fn sbi_extensions() -> Case {
        report(firmware::sbi_extensions())
    }
}

#[kernel::macros::kunit_tests(kvm_riscv_onereg_names)]
mod names_tests {
    use super::{
        cases::{
            names,
            Case, //
        },
        report, //
    };

    #[test]
    fn reasons() -> Case {
        report(names::reasons())
    }

    #[test]
    fn sets() -> Case {
        report(names::sets())
    }
}

#[kernel::macros::kunit_tests(kvm_riscv_onereg_nospec)]
mod nospec_tests {
    use super::nospec::clamp;

    #[test]
    fn indices() {
        for len in [1, 2, 26, 80, 128, usize::MAX >> 1] {
            for index in [0, 1, 25, 26, 79, 80, 127, 128, usize::MAX >> 1, usize::MAX] {
                assert_eq!(clamp(index, len), if index < len { index } else { 0 });
            }
        }
    }
}
