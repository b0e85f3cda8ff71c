// SPDX-License-Identifier: GPL-2.0

//! KUnit tests of the policy for the BARs that KVM may map with more than Device memory.
//!
//! The same cases are compiled on the host by `tools/testing/host/arm64-stage2`. No device is used,
//! so the policy need not be built in.

#[path = "grant/bar.rs"]
mod bar;
#[path = "grant/cases/mod.rs"]
mod cases;
#[path = "grant/function.rs"]
mod function;
#[path = "grant/policy.rs"]
mod policy;
#[path = "grant/quirk.rs"]
mod quirk;

/// Says what does not hold, and where; KUnit shows the test only.
fn report(case: cases::Case) -> cases::Case {
    case.inspect_err(|failed| {
        kernel::kunit::err(kernel::prelude::fmt!("    # {failed:?}\n"));
    })
}

#[kernel::macros::kunit_tests(vfio_pci_grant_functions)]
mod functions_tests {
    use super::{
        cases::{
            functions,
            Case, //
        },
        report, //
    };

    #[test]
    fn by_port_type() -> Case {
        report(functions::by_port_type())
    }

    #[test]
    fn bridges() -> Case {
        report(functions::bridges())
    }

    #[test]
    fn endpoints() -> Case {
        report(functions::endpoints())
    }

    #[test]
    fn words() -> Case {
        report(functions::words())
    }
}

#[kernel::macros::kunit_tests(vfio_pci_grant_quirks)]
mod quirks_tests {
    use super::{
        cases::{
            quirks,
            Case, //
        },
        report, //
    };

    #[test]
    fn subjects() -> Case {
        report(quirks::subjects())
    }

    #[test]
    fn spared_vendor() -> Case {
        report(quirks::spared_vendor())
    }

    #[test]
    fn known() -> Case {
        report(quirks::known())
    }

    #[test]
    fn named() -> Case {
        report(quirks::named())
    }

    #[test]
    fn numbers() -> Case {
        report(quirks::numbers())
    }
}

#[kernel::macros::kunit_tests(vfio_pci_grant_requests)]
mod requests_tests {
    use super::{
        cases::{
            requests,
            Case, //
        },
        report, //
    };

    #[test]
    fn as_c() -> Case {
        report(requests::as_c())
    }

    #[test]
    fn precedence() -> Case {
        report(requests::precedence())
    }

    #[test]
    fn monotone() -> Case {
        report(requests::monotone())
    }

    #[test]
    fn reasons() -> Case {
        report(requests::reasons())
    }

    #[test]
    fn limits() -> Case {
        report(requests::limits())
    }
}
