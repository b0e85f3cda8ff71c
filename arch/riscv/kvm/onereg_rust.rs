// SPDX-License-Identifier: GPL-2.0

//! RISC-V KVM: the registers of a vCPU for user space, and which ISA extensions a guest has.
//!
//! C version: [`arch/riscv/kvm/isa.c`](srctree/arch/riscv/kvm/isa.c),
//! [`arch/riscv/kvm/vcpu_onereg.c`](srctree/arch/riscv/kvm/vcpu_onereg.c)
//!
//! Differences from it: `Documentation/virt/kvm/riscv/onereg-rust.rst`.
//!
//! All rules are in one list, `onereg/rows.rs`. What is in `onereg/` is pure and runs in tests on
//! the host too; `onereg/kernel/` is safe; `onereg/boundary/` is what touches C.

#[path = "onereg/kernel/abi.rs"]
mod abi;
#[expect(dead_code, reason = "the tests have more to do with it than KVM")]
#[path = "onereg/bits.rs"]
mod bits;
#[path = "onereg/boundary/calls.rs"]
mod calls;
#[path = "onereg/check.rs"]
mod check;
#[path = "onereg/closure.rs"]
mod closure;
#[path = "onereg/counters.rs"]
mod counters;
#[path = "onereg/derive.rs"]
mod derive;
#[path = "onereg/errno.rs"]
mod errno;
#[path = "onereg/boundary/exports.rs"]
mod exports;
#[path = "onereg/fwft.rs"]
mod fwft;
#[path = "onereg/kernel/handlers.rs"]
mod handlers;
#[path = "onereg/kernel/host.rs"]
mod host;
#[path = "onereg/kernel/list.rs"]
mod list;
#[path = "onereg/boundary/nospec.rs"]
mod nospec;
#[path = "onereg/policy.rs"]
mod policy;
#[path = "onereg/regid.rs"]
mod regid;
#[path = "onereg/rows.rs"]
mod rows;
#[path = "onereg/sbi.rs"]
mod sbi;
#[expect(dead_code, reason = "the tests have more to do with it than KVM")]
#[path = "onereg/table.rs"]
mod table;
#[path = "onereg/kernel/table_file.rs"]
mod table_file;
#[path = "onereg/boundary/vcpu.rs"]
mod vcpu;
