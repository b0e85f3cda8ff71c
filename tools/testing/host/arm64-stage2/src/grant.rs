// SPDX-License-Identifier: GPL-2.0

//! Tests of the policy that grants vfio-pci's BARs a memory type.

logic! {
    #[deny(clippy::wildcard_enum_match_arm)]
    bar => "../../../../../drivers/vfio/pci/grant/bar.rs";
    #[deny(clippy::wildcard_enum_match_arm)]
    function => "../../../../../drivers/vfio/pci/grant/function.rs";
    #[deny(clippy::wildcard_enum_match_arm)]
    policy => "../../../../../drivers/vfio/pci/grant/policy.rs";
    #[deny(clippy::wildcard_enum_match_arm)]
    quirk => "../../../../../drivers/vfio/pci/grant/quirk.rs";
}

#[path = "../../../../../drivers/vfio/pci/grant/cases/mod.rs"]
mod cases;

tests! {
    functions { by_port_type bridges endpoints words }
    quirks { subjects spared_vendor known named numbers }
    requests { as_c precedence monotone reasons limits }
}
