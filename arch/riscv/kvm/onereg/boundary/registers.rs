// SPDX-License-Identifier: GPL-2.0

//! The boundary to C: the registers of a vCPU that are kept as numbers.

use super::{
    super::{
        calls::{
            wide,
            word, //
        },
        regid::{
            Identity,
            Index, //
        }, //
    },
    Vcpu, //
};
use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

/// The bit of sstatus for supervisor mode.
const SPP: c_ulong = 1 << 8;

impl Vcpu<'_> {
    /// Returns who made the processor.
    pub(crate) fn identity(&self, identity: Identity) -> u64 {
        // SAFETY: The pointer is valid, as `identity_ptr` says.
        wide(unsafe { self.identity_ptr(identity).read() })
    }

    /// Sets who made the processor.
    pub(crate) fn set_identity(&mut self, identity: Identity, value: u64) {
        // SAFETY: The pointer is valid, as `identity_ptr` says, and part of what is for the caller
        // to change.
        unsafe { self.identity_ptr(identity).write(word(value)) };
    }

    /// Returns a pointer that is as valid as the vCPU.
    fn identity_ptr(&self, identity: Identity) -> *mut c_ulong {
        let arch = self.arch();

        // SAFETY: The pointer is valid by the type's invariant.
        unsafe {
            match identity {
                Identity::Vendor => &raw mut (*arch).mvendorid,
                Identity::Architecture => &raw mut (*arch).marchid,
                Identity::Implementation => &raw mut (*arch).mimpid,
            }
        }
    }

    /// Returns the program counter.
    pub(crate) fn pc(&self) -> u64 {
        // SAFETY: The pointer is valid by the type's invariant.
        wide(unsafe { (*self.arch()).guest_context.sepc })
    }

    /// Sets the program counter.
    pub(crate) fn set_pc(&mut self, value: u64) {
        // SAFETY: The pointer is valid by the type's invariant.
        unsafe { (*self.arch()).guest_context.sepc = word(value) };
    }

    /// Returns an integer register.
    pub(crate) fn x(&self, index: Index<32>) -> u64 {
        // SAFETY: The pointer is valid, as `x_ptr` says.
        wide(unsafe { self.x_ptr(index).read() })
    }

    /// Sets an integer register.
    pub(crate) fn set_x(&mut self, index: Index<32>, value: u64) {
        // SAFETY: The pointer is valid, as `x_ptr` says, and part of what is for the caller to
        // change.
        unsafe { self.x_ptr(index).write(word(value)) };
    }

    /// Returns a pointer that is as valid as the vCPU.
    fn x_ptr(&self, index: Index<32>) -> *mut c_ulong {
        // SAFETY: The pointer is valid by the type's invariant.
        let context = unsafe { &raw mut (*self.arch()).guest_context };

        // SAFETY: The structure begins with 32 words, x0 to x31, which `abi.rs` checks.
        unsafe { context.cast::<c_ulong>().add(index.get()) }
    }

    /// Returns whether the guest is in supervisor mode.
    pub(crate) fn is_supervisor(&self) -> bool {
        // SAFETY: The pointer is valid by the type's invariant.
        unsafe { (*self.arch()).guest_context.sstatus & SPP != 0 }
    }

    /// Sets whether the guest is in supervisor mode.
    pub(crate) fn set_supervisor(&mut self, supervisor: bool) {
        // SAFETY: The pointer is valid by the type's invariant.
        let sstatus = unsafe { &mut (*self.arch()).guest_context.sstatus };

        if supervisor {
            *sstatus |= SPP;
        } else {
            *sstatus &= !SPP;
        }
    }

    /// Returns a register of the supervisor.
    pub(crate) fn csr(&self, index: Index<11>) -> u64 {
        // SAFETY: The pointer is valid, as `csr_ptr` says.
        wide(unsafe { self.csr_ptr(index).read() })
    }

    /// Sets a register of the supervisor.
    pub(crate) fn set_csr(&mut self, index: Index<11>, value: u64) {
        // SAFETY: The pointer is valid, as `csr_ptr` says, and part of what is for the caller to
        // change.
        unsafe { self.csr_ptr(index).write(word(value)) };
    }

    /// Returns a pointer that is as valid as the vCPU.
    fn csr_ptr(&self, index: Index<11>) -> *mut c_ulong {
        // SAFETY: The pointer is valid by the type's invariant.
        let csrs = unsafe { &raw mut (*self.arch()).guest_csr };

        // SAFETY: The structure is 11 words, which `abi.rs` checks.
        unsafe { csrs.cast::<c_ulong>().add(index.get()) }
    }

    /// Returns the pending interrupts as the guest sees them.
    pub(crate) fn sip(&mut self) -> u64 {
        // SAFETY: The vCPU is valid, and for the caller to change.
        unsafe { bindings::kvm_riscv_vcpu_flush_interrupts(self.raw.as_ptr()) };

        // SAFETY: The pointer is valid by the type's invariant.
        let hvip = unsafe { (*self.arch()).guest_csr.hvip };
        // SAFETY: It is arithmetic.
        let local = unsafe { bindings::kvm_riscv_onereg_irq_local_mask() };
        // SAFETY: It is arithmetic.
        let vsip = unsafe { bindings::kvm_riscv_onereg_hvip_to_vsip(hvip) };

        wide(vsip | hvip & !local)
    }

    /// Sets the pending interrupts, whatever others have been raised.
    pub(crate) fn set_sip(&mut self, value: u64) {
        // SAFETY: It is arithmetic.
        let hvip = unsafe { bindings::kvm_riscv_onereg_vsip_to_hvip(word(value)) };

        // SAFETY: The pointer is valid by the type's invariant.
        unsafe { (*self.arch()).guest_csr.hvip = hvip };
        // SAFETY: The vCPU is valid; the function takes the lock that it needs.
        unsafe { bindings::kvm_riscv_onereg_forget_irq_changes(self.raw.as_ptr()) };
    }

    /// Returns a register of Ssaia.
    pub(crate) fn aia_csr(&mut self, number: u64) -> Result<u64> {
        let mut value: c_ulong = 0;

        // SAFETY: The vCPU is valid, and for the caller to change; `value` can be written.
        to_result(unsafe {
            bindings::kvm_riscv_vcpu_aia_get_csr(self.raw.as_ptr(), word(number), &mut value)
        })?;

        Ok(wide(value))
    }

    /// Sets a register of Ssaia.
    pub(crate) fn set_aia_csr(&mut self, number: u64, value: u64) -> Result {
        // SAFETY: The vCPU is valid, and for the caller to change.
        to_result(unsafe {
            bindings::kvm_riscv_vcpu_aia_set_csr(self.raw.as_ptr(), word(number), word(value))
        })
    }

    /// Returns sstateen0.
    pub(crate) fn sstateen0(&self) -> u64 {
        // SAFETY: The pointer is valid by the type's invariant.
        wide(unsafe { (*self.arch()).smstateen_csr.sstateen0 })
    }

    /// Sets sstateen0.
    pub(crate) fn set_sstateen0(&mut self, value: u64) {
        // SAFETY: The pointer is valid by the type's invariant.
        unsafe { (*self.arch()).smstateen_csr.sstateen0 = word(value) };
    }

    /// Returns the shadow stack pointer.
    pub(crate) fn ssp(&self) -> u64 {
        // SAFETY: The pointer is valid by the type's invariant.
        wide(unsafe { (*self.arch()).zicfiss_csr.ssp })
    }

    /// Sets the shadow stack pointer.
    pub(crate) fn set_ssp(&mut self, value: u64) {
        // SAFETY: The pointer is valid by the type's invariant.
        unsafe { (*self.arch()).zicfiss_csr.ssp = word(value) };
    }
}
