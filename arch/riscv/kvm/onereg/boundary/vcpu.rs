// SPDX-License-Identifier: GPL-2.0

//! The boundary to C: a vCPU.
//!
//! Locks: the caller of every function here holds the mutex of the vCPU, or the vCPU is just being
//! made. Interrupts are put into `irqs_pending` meanwhile, under its own lock.

use super::{
    bits::{
        Ids,
        IsaBits, //
    },
    calls::{
        rules,
        wide,
        word,
        OneReg, //
    },
    errno::{
        Reason,
        OUTSIDE, //
    },
    fwft::{
        Feature,
        Switches, //
    },
    policy::{
        Change,
        One,
        Rules,
        RunOnce, //
    },
    regid::Class,
    sbi::SbiExtensions,
    table::ExtId,
};
use core::{
    marker::PhantomData,
    mem::size_of_val,
    ptr::{
        self,
        NonNull, //
    },
};
use kernel::{
    bindings::{
        self,
        kvm_riscv_sbi_ext_status_KVM_RISCV_SBI_EXT_STATUS_DISABLED as DISABLED,
        kvm_riscv_sbi_ext_status_KVM_RISCV_SBI_EXT_STATUS_ENABLED as ENABLED,
        kvm_riscv_sbi_ext_status_KVM_RISCV_SBI_EXT_STATUS_UNAVAILABLE as UNAVAILABLE, //
    },
    error::to_result,
    prelude::*, //
};

#[path = "registers.rs"]
mod registers;

/// What the trace event has instead of an extension that is in the way.
const NO_EXTENSION: c_int = -1;

/// A vCPU that the caller may change.
///
/// # Invariants
///
/// `raw` is valid for `'a`, and for as long nobody else reads or writes what the functions here
/// read and write, other than as their comments say.
pub(crate) struct Vcpu<'a> {
    raw: NonNull<bindings::kvm_vcpu>,
    lifetime: PhantomData<&'a mut bindings::kvm_vcpu>,
}

/// Calls a C function for a class of registers that stays in C.
macro_rules! in_c {
    ($vcpu:expr, $class:expr, $reg:expr, $sbi:ident, $sbi_ext:ident, $timer:ident, $fp:ident,
     $vector:ident) => {{
        let vcpu = $vcpu.raw.as_ptr();
        let reg = $reg.as_raw();
        // CAST: The type is in the lowest 32 bits.
        let class_bits = |class: Class| (class.number() << 24) as c_ulong;

        // SAFETY: Both pointers are valid by the invariants of their types, and by that of the
        // vCPU it is for the caller to change.
        let result = unsafe {
            match $class {
                Class::Timer => bindings::$timer(vcpu, reg),
                Class::FpF | Class::FpD => bindings::$fp(vcpu, reg, class_bits($class)),
                Class::Vector => bindings::$vector(vcpu, reg),
                Class::SbiExt => bindings::$sbi_ext(vcpu, reg),
                Class::SbiState => bindings::$sbi(vcpu, reg),
                Class::Config | Class::Core | Class::Csr | Class::IsaExt => return Err(ENOENT),
            }
        };

        to_result(result)
    }};
}

impl Vcpu<'_> {
    /// Wraps a pointer.
    ///
    /// # Safety
    ///
    /// It must be valid for the life of what is returned. For as long, the caller must hold the
    /// mutex of the vCPU, or nobody else may know of the vCPU.
    pub(crate) unsafe fn from_raw(raw: *mut bindings::kvm_vcpu) -> Self {
        Self {
            // INVARIANT: The caller says so.
            // SAFETY: A valid pointer is not null.
            raw: unsafe { NonNull::new_unchecked(raw) },
            lifetime: PhantomData,
        }
    }

    fn arch(&self) -> *mut bindings::kvm_vcpu_arch {
        // SAFETY: The pointer is valid by the type's invariant.
        unsafe { &raw mut (*self.raw.as_ptr()).arch }
    }

    /// Returns whether the vCPU has run.
    pub(crate) fn has_run(&self) -> bool {
        // SAFETY: The pointer is valid by the type's invariant.
        unsafe { (*self.arch()).ran_atleast_once }
    }

    /// Returns the rules that the vCPU was made with.
    pub(crate) fn rules(&self) -> Rules {
        // SAFETY: The pointer is valid by the type's invariant.
        rules(unsafe { (*self.arch()).onereg.strict })
    }

    /// Sets the rules, when the vCPU is made.
    pub(crate) fn set_strict(&mut self, strict: bool) {
        // SAFETY: The pointer is valid by the type's invariant.
        unsafe { (*self.arch()).onereg.strict = strict };
        if strict {
            // SAFETY: The function needs nothing.
            unsafe { bindings::kvm_riscv_onereg_use_hcounteren() };
        }
    }

    /// Returns whether somebody traces what is refused.
    pub(crate) fn traces_refusals(&self) -> bool {
        // SAFETY: The function needs nothing.
        unsafe { bindings::kvm_riscv_onereg_is_traced() }
    }

    /// Tells whoever traces it that something is refused.
    pub(crate) fn trace_refusal(&self, id: u64, write: bool, reason: Reason) {
        let other = reason.other().map_or(NO_EXTENSION, c_int::from);

        self.trace(id, write, reason.code(), other, reason.into());
    }

    /// Tells whoever traces it that the C code, or user memory, has an error.
    pub(crate) fn trace_error(&self, id: u64, write: bool, error: Error) {
        self.trace(id, write, OUTSIDE, NO_EXTENSION, error);
    }

    fn trace(&self, id: u64, write: bool, reason: u8, other: c_int, error: Error) {
        // SAFETY: The vCPU is valid by the type's invariant.
        unsafe {
            bindings::kvm_riscv_onereg_trace_refused(
                self.raw.as_ptr(),
                id,
                write,
                c_int::from(reason),
                other,
                error.to_errno(),
            )
        };
    }

    /// Returns the extensions of the guest.
    pub(crate) fn extensions(&self) -> Ids {
        // SAFETY: The pointer is valid by the type's invariant.
        let [low, high] = unsafe { (*self.arch()).onereg.guest };

        Ids::from_words(low, high)
    }

    /// Returns the extensions for which the host has what they need.
    pub(crate) fn host_extensions(&self) -> Ids {
        // SAFETY: The pointer is valid by the type's invariant.
        let [low, high] = unsafe { (*self.arch()).onereg.host };

        Ids::from_words(low, high)
    }

    /// Sets the extensions for which the host has what they need, when the vCPU is made.
    pub(crate) fn set_host_extensions(&mut self, ids: Ids) {
        // SAFETY: The pointer is valid by the type's invariant.
        unsafe { (*self.arch()).onereg.host = [ids.low(), ids.high()] };
    }

    /// Returns the ISA bitmap of the guest.
    pub(crate) fn isa_bits(&self) -> IsaBits {
        // SAFETY: The pointer is valid by the type's invariant.
        let [low, high] = unsafe { (*self.arch()).isa };

        IsaBits::from_words(wide(low), wide(high))
    }

    /// Sets the extensions of the guest, in both forms.
    ///
    /// The table in debugfs reads them at any time, a word at a time.
    pub(crate) fn set_extensions(&mut self, ids: Ids, bits: IsaBits) {
        // SAFETY: The pointer is valid by the type's invariant.
        let guest = unsafe { &raw mut (*self.arch()).onereg.guest };
        // SAFETY: As above.
        let isa = unsafe { &raw mut (*self.arch()).isa };

        // SAFETY: It is valid, and part of what is for the caller to change. Being volatile, a
        // word is written whole.
        unsafe { (&raw mut (*guest)[0]).write_volatile(ids.low()) };
        // SAFETY: As above.
        unsafe { (&raw mut (*guest)[1]).write_volatile(ids.high()) };
        // SAFETY: As above.
        unsafe { isa.write([word(bits.low()), word(bits.high())]) };
    }

    /// Changes one extension of the guest.
    pub(crate) fn change_extension(&mut self, one: One) {
        let number = one.ext.number();
        let (ids, bits) = (self.extensions(), self.isa_bits());
        let Some(row) = one.ext.row() else {
            return;
        };

        if one.on {
            self.set_extensions(ids.with(number), bits.with(row.ext.bit()));
        } else {
            self.set_extensions(ids.without(number), bits.without(row.ext.bit()));
        }
    }

    /// Changes the extensions of the guest.
    pub(crate) fn change_extensions(&mut self, change: Change) {
        let mut bits = self.isa_bits();
        let mut changed = change.all();

        while let Some(number) = changed.pop() {
            if let Some(row) = ExtId::new(u64::from(number)).and_then(ExtId::row) {
                bits = if change.on.has(number) {
                    bits.with(row.ext.bit())
                } else {
                    bits.without(row.ext.bit())
                };
            }
        }

        self.set_extensions(change.apply(self.extensions()), bits);
    }

    /// Turns floating point on or off, as after a reset.
    pub(crate) fn reset_float(&mut self, on: bool) {
        const FS: c_ulong = 0b11 << 13;
        const INITIAL: c_ulong = 0b01 << 13;

        // SAFETY: The pointer is valid by the type's invariant.
        let sstatus = unsafe { &mut (*self.arch()).guest_context.sstatus };

        *sstatus &= !FS;
        if on {
            *sstatus |= INITIAL;
        }
    }

    /// Turns vectors on or off as the guest has the extension or not, and clears the registers.
    pub(crate) fn reset_vector(&mut self) {
        // SAFETY: The pointer is valid by the type's invariant, and the vCPU's own.
        unsafe { bindings::kvm_riscv_onereg_vector_reset(self.raw.as_ptr()) };
    }

    /// Has the CSRs written before the guest runs again, though it was the last one here.
    pub(crate) fn mark_csrs_dirty(&mut self) {
        // SAFETY: The pointer is valid by the type's invariant.
        unsafe { (*self.arch()).csr_dirty = true };
    }

    /// Returns the switches of firmware features.
    pub(crate) fn switches(&self) -> Switches {
        // SAFETY: The pointer is valid by the type's invariant.
        let config = unsafe { &(*self.arch()).cfg };

        Switches {
            henvcfg: config.henvcfg,
            hedeleg: wide(config.hedeleg),
        }
    }

    /// Sets the switches of firmware features.
    pub(crate) fn set_switches(&mut self, switches: Switches) {
        // SAFETY: The pointer is valid by the type's invariant.
        let config = unsafe { &mut (*self.arch()).cfg };

        config.henvcfg = switches.henvcfg;
        config.hedeleg = word(switches.hedeleg);
    }

    /// Sets what is configured before the first run, and has the SBI extensions do so.
    pub(crate) fn configure(&mut self, run_once: RunOnce) {
        const BREAKPOINT: c_ulong = 1 << 3;

        // SAFETY: The pointer is valid by the type's invariant.
        let debugged = unsafe { (*self.raw.as_ptr()).guest_debug } != 0;
        // SAFETY: As above.
        let config = unsafe { &mut (*self.arch()).cfg };

        config.henvcfg |= run_once.henvcfg;
        config.hstateen0 |= run_once.hstateen0;
        if debugged {
            config.hedeleg &= !BREAKPOINT;
        }

        // SAFETY: The vCPU is valid, and for the caller to change.
        unsafe { bindings::kvm_riscv_vcpu_sbi_validate(self.raw.as_ptr()) };
    }

    /// Returns the state of SBI extensions.
    pub(crate) fn sbi_extensions(&self) -> SbiExtensions {
        // SAFETY: The pointer is valid by the type's invariant.
        let statuses = unsafe { &(*self.arch()).sbi_context.ext_status };
        let mut extensions = SbiExtensions::default();

        for (status, number) in statuses.iter().zip(0_u32..) {
            let bit = 1_u64 << number;

            match *status {
                UNAVAILABLE => extensions.unavailable |= bit,
                ENABLED => extensions.enabled |= bit,
                DISABLED => extensions.disabled |= bit,
                _ => {}
            }
        }

        extensions
    }

    /// Returns whether a firmware feature is enabled; an error if the vCPU does not have it.
    pub(crate) fn is_feature_enabled(&mut self, feature: Feature) -> Result<bool> {
        let mut value: c_ulong = 0;
        // SAFETY: It is a constant of C.
        let get = unsafe { bindings::vcpu_sbi_ext_fwft.get_state_reg }.ok_or(ENOENT)?;

        // SAFETY: The vCPU is valid, and for the caller to change; `value` is as large as it says.
        to_result(unsafe {
            get(
                self.raw.as_ptr(),
                c_ulong::from(feature.first_register()),
                size_of_val(&value),
                ptr::from_mut(&mut value).cast(),
            )
        })?;

        Ok(value != 0)
    }

    /// Returns the address at which the guest is told of stolen time, or that of none.
    pub(crate) fn stolen_time_address(&self) -> u64 {
        // SAFETY: The pointer is valid by the type's invariant.
        unsafe { (*self.arch()).sta.shmem }
    }

    /// Sets it.
    pub(crate) fn set_stolen_time_address(&mut self, address: u64) {
        // SAFETY: The pointer is valid by the type's invariant.
        unsafe { (*self.arch()).sta.shmem = address };
    }

    /// Returns how many bytes a vector register has.
    pub(crate) fn vector_bytes(&self) -> u64 {
        // SAFETY: The pointer is valid by the type's invariant.
        wide(unsafe { (*self.arch()).guest_context.vector.vlenb })
    }

    /// Reads a register of a class that stays in C.
    pub(crate) fn get_in_c(&mut self, class: Class, reg: &OneReg<'_>) -> Result {
        in_c!(
            self,
            class,
            reg,
            kvm_riscv_vcpu_get_reg_sbi,
            kvm_riscv_vcpu_get_reg_sbi_ext,
            kvm_riscv_vcpu_get_reg_timer,
            kvm_riscv_vcpu_get_reg_fp,
            kvm_riscv_vcpu_get_reg_vector
        )
    }

    /// Writes a register of a class that stays in C.
    pub(crate) fn set_in_c(&mut self, class: Class, reg: &OneReg<'_>) -> Result {
        in_c!(
            self,
            class,
            reg,
            kvm_riscv_vcpu_set_reg_sbi,
            kvm_riscv_vcpu_set_reg_sbi_ext,
            kvm_riscv_vcpu_set_reg_timer,
            kvm_riscv_vcpu_set_reg_fp,
            kvm_riscv_vcpu_set_reg_vector
        )
    }
}
