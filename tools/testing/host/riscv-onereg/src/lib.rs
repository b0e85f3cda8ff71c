// SPDX-License-Identifier: GPL-2.0

//! Tests of the policy of RISC-V KVM's ONE_REG interface.
//!
//! The policy is included from KVM. [`tables`] runs the cases that KUnit runs too, [`models`]
//! checks properties on random input, and [`document`] compares the documentation with the list of
//! extensions.

#![cfg(test)]
#![forbid(unsafe_code)]

#[macro_use]
#[path = "../../shared/macros.rs"]
mod macros;

logic! {
    #[allow(dead_code, reason = "KVM has more to do with it than tests")]
    bits => "../../../../../arch/riscv/kvm/onereg/bits.rs";
    closure => "../../../../../arch/riscv/kvm/onereg/closure.rs";
    counters => "../../../../../arch/riscv/kvm/onereg/counters.rs";
    errno => "../../../../../arch/riscv/kvm/onereg/errno.rs";
    fwft => "../../../../../arch/riscv/kvm/onereg/fwft.rs";
    policy => "../../../../../arch/riscv/kvm/onereg/policy.rs";
    #[allow(dead_code, reason = "KVM has more to do with it than tests")]
    regid => "../../../../../arch/riscv/kvm/onereg/regid.rs";
    rows => "../../../../../arch/riscv/kvm/onereg/rows.rs";
    sbi => "../../../../../arch/riscv/kvm/onereg/sbi.rs";
    table => "../../../../../arch/riscv/kvm/onereg/table.rs";
}

// What runs while compiling may panic.
#[path = "../../../../../arch/riscv/kvm/onereg/check.rs"]
mod check;
#[allow(dead_code, reason = "KVM has more to do with it than tests")]
#[path = "../../../../../arch/riscv/kvm/onereg/derive.rs"]
mod derive;

/// Processors that run tests may speculate.
mod nospec {
    pub(crate) fn clamp(index: usize, _len: usize) -> usize {
        index
    }
}

#[path = "../../../../../arch/riscv/kvm/onereg/cases/mod.rs"]
mod cases;

mod document;
mod models;
mod tables;
