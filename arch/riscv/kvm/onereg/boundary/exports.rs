// SPDX-License-Identifier: GPL-2.0

//! The boundary to C: what C calls.

use super::{
    calls::{
        wide,
        word,
        OneReg,
        Vcpus, //
    },
    counters,
    derive,
    errno::Errno,
    fwft::Feature,
    handlers::{
        self,
        Failure, //
    },
    host,
    list,
    policy::Rules,
    table::{
        ExtId,
        COUNT, //
    },
    table_file,
    vcpu::Vcpu, //
};
use kernel::{
    bindings,
    prelude::*,
    seq_file::SeqFile,
    uaccess::UserPtr, //
};

/// Finds the number of an extension by its ISA bit.
///
/// # Safety
///
/// None; what is exported has to be unsafe.
#[export]
pub(crate) unsafe extern "C" fn kvm_riscv_base2isa_ext(base_ext: c_ulong) -> c_ulong {
    derive::by_isa_bit(wide(base_ext)).map_or(COUNT, |id| usize::from(id.number()))
}

/// Checks that the host has an extension, and returns its ISA bit.
///
/// # Safety
///
/// `base_ext` must be null or valid for writing.
#[export]
pub(crate) unsafe extern "C" fn __kvm_riscv_isa_check_host(
    ext: c_ulong,
    base_ext: *mut c_ulong,
) -> c_int {
    let row = ExtId::new(wide(ext))
        .filter(|id| host::ids().has(id.number()))
        .and_then(ExtId::row);
    let Some(row) = row else {
        return Error::from(Errno::NoEnt).to_errno();
    };

    if !base_ext.is_null() {
        // SAFETY: The caller says that a pointer that is not null can be written to.
        unsafe { base_ext.write(c_ulong::from(row.ext.bit())) };
    }

    0
}

/// Returns whether a guest may get an extension that the host has.
///
/// # Safety
///
/// None; what is exported has to be unsafe.
#[export]
pub(crate) unsafe extern "C" fn kvm_riscv_isa_enable_allowed(ext: c_ulong) -> bool {
    ExtId::new(wide(ext))
        .and_then(ExtId::row)
        .is_none_or(|row| host::current().enable_refusal(row).is_none())
}

/// Returns whether an extension can be taken from a guest.
///
/// # Safety
///
/// None; what is exported has to be unsafe.
#[export]
pub(crate) unsafe extern "C" fn kvm_riscv_isa_disable_allowed(ext: c_ulong) -> bool {
    ExtId::new(wide(ext))
        .and_then(ExtId::row)
        .is_none_or(|row| {
            host::current()
                .disable_refusal(row, Rules::Compatible)
                .is_none()
        })
}

/// Gives a new vCPU its extensions.
///
/// # Safety
///
/// `vcpu` must be valid, and nobody else may know of it.
#[export]
pub(crate) unsafe extern "C" fn kvm_riscv_vcpu_setup_isa(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: The caller says so.
    let mut vcpu = unsafe { Vcpu::from_raw(vcpu) };

    handlers::set_up(&mut vcpu);
}

/// Counts the registers of a vCPU.
///
/// # Safety
///
/// `vcpu` must be valid, and the caller must hold its mutex.
#[export]
pub(crate) unsafe extern "C" fn kvm_riscv_vcpu_num_regs(vcpu: *mut bindings::kvm_vcpu) -> c_ulong {
    // SAFETY: The caller says so.
    let mut vcpu = unsafe { Vcpu::from_raw(vcpu) };

    word(list::count(&mut vcpu))
}

/// Copies the ids of the registers of a vCPU to user memory.
///
/// # Safety
///
/// `vcpu` must be valid, and the caller must hold its mutex.
#[export]
pub(crate) unsafe extern "C" fn kvm_riscv_vcpu_copy_reg_indices(
    vcpu: *mut bindings::kvm_vcpu,
    uindices: *mut u64,
) -> c_int {
    // SAFETY: The caller says so.
    let mut vcpu = unsafe { Vcpu::from_raw(vcpu) };

    list::copy(&mut vcpu, UserPtr::from_ptr(uindices.cast())).map_or_else(Error::to_errno, |()| 0)
}

/// Writes a register.
///
/// # Safety
///
/// `vcpu` must be valid, and the caller must hold its mutex. `reg` must be valid, and nobody may
/// change it meanwhile.
#[export]
pub(crate) unsafe extern "C" fn kvm_riscv_vcpu_set_reg(
    vcpu: *mut bindings::kvm_vcpu,
    reg: *const bindings::kvm_one_reg,
) -> c_int {
    // SAFETY: The caller says so.
    let mut vcpu = unsafe { Vcpu::from_raw(vcpu) };
    // SAFETY: As above.
    let reg = unsafe { OneReg::from_raw(reg) };

    let outcome = handlers::set(&mut vcpu, &reg);

    status(vcpu, reg.id(), true, outcome)
}

/// Reads a register.
///
/// # Safety
///
/// As for [`kvm_riscv_vcpu_set_reg`].
#[export]
pub(crate) unsafe extern "C" fn kvm_riscv_vcpu_get_reg(
    vcpu: *mut bindings::kvm_vcpu,
    reg: *const bindings::kvm_one_reg,
) -> c_int {
    // SAFETY: The caller says so.
    let vcpu = unsafe { Vcpu::from_raw(vcpu) };
    // SAFETY: As above.
    let reg = unsafe { OneReg::from_raw(reg) };

    // Nothing is kept here across a call, and all is handed on by value: no stack is needed.
    match handlers::peek(&vcpu, reg.id()) {
        Ok(Some(value)) => reg.put(value),
        Ok(None) => get_thoroughly(vcpu, reg),
        Err(reason) => refuse(vcpu, reg.id(), false, reason.into()),
    }
}

#[inline(never)]
fn get_thoroughly(mut vcpu: Vcpu<'_>, reg: OneReg<'_>) -> c_int {
    let outcome = handlers::get(&mut vcpu, &reg);

    status(vcpu, reg.id(), false, outcome)
}

/// Turns an outcome into what C returns.
#[inline(always)]
fn status(vcpu: Vcpu<'_>, id: u64, write: bool, outcome: Result<(), Failure>) -> c_int {
    match outcome {
        Ok(()) => 0,
        Err(failure) => refuse(vcpu, id, write, failure),
    }
}

/// Turns a failure into what C returns, and tells whoever traces it.
#[cold]
#[inline(never)]
fn refuse(vcpu: Vcpu<'_>, id: u64, write: bool, failure: Failure) -> c_int {
    if vcpu.traces_refusals() {
        tell(vcpu, id, write, failure);
    }

    match failure {
        Failure::Refused(reason) => Error::from(reason).to_errno(),
        Failure::Other(error) => error.to_errno(),
    }
}

#[inline(never)]
fn tell(vcpu: Vcpu<'_>, id: u64, write: bool, failure: Failure) {
    match failure {
        Failure::Refused(reason) => vcpu.trace_refusal(id, write, reason),
        Failure::Other(error) => vcpu.trace_error(id, write, error),
    }
}

/// Turns floating point on or off, as the guest has its extensions.
///
/// # Safety
///
/// `vcpu` must be valid. The caller must hold its mutex, or nobody else may know of it.
#[cfg(CONFIG_FPU)]
#[export]
pub(crate) unsafe extern "C" fn kvm_riscv_vcpu_fp_reset(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: The caller says so.
    let mut vcpu = unsafe { Vcpu::from_raw(vcpu) };

    handlers::reset_float(&mut vcpu);
}

/// Configures a vCPU before its first run.
///
/// # Safety
///
/// `vcpu` must be valid, and the caller must hold its mutex.
#[export]
pub(crate) unsafe extern "C" fn kvm_riscv_vcpu_config_ran_once(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: The caller says so.
    let mut vcpu = unsafe { Vcpu::from_raw(vcpu) };
    let run_once = handlers::view(&vcpu).run_once();

    vcpu.configure(run_once);
}

/// Returns whether a guest has the extensions of a firmware feature.
///
/// # Safety
///
/// `vcpu` must be valid. The caller must hold its mutex, or nobody else may know of it.
#[export]
pub(crate) unsafe extern "C" fn kvm_riscv_onereg_fwft_is_open(
    vcpu: *mut bindings::kvm_vcpu,
    feature: u32,
) -> bool {
    // SAFETY: The caller says so.
    let vcpu = unsafe { Vcpu::from_raw(vcpu) };

    Feature::from_number(feature).is_some_and(|feature| feature.is_open_to(vcpu.extensions()))
}

/// Writes the table in debugfs.
///
/// # Safety
///
/// `file` must be valid, and nobody else may write to it. `kvm` must be valid.
#[export]
pub(crate) unsafe extern "C" fn kvm_riscv_onereg_show(
    file: *mut bindings::seq_file,
    kvm: *mut bindings::kvm,
) -> c_int {
    // SAFETY: The caller says so.
    let file = unsafe { SeqFile::from_raw(file) };
    // SAFETY: As above.
    let vcpus = unsafe { Vcpus::from_raw(kvm) };

    table_file::show(file, vcpus);
    0
}

/// Returns whether a guest may use a counter.
///
/// # Safety
///
/// `vcpu` must be valid, and the caller must hold its mutex.
#[export]
pub(crate) unsafe extern "C" fn kvm_riscv_onereg_counter_is_open(
    vcpu: *mut bindings::kvm_vcpu,
    csr_num: c_uint,
) -> bool {
    // SAFETY: The caller says so.
    let vcpu = unsafe { Vcpu::from_raw(vcpu) };

    counters::is_open(handlers::lost(&vcpu), csr_num)
}

/// Returns the counters that a guest reads without KVM, as in hcounteren.
///
/// # Safety
///
/// `vcpu` must be valid, and the caller must hold its mutex, or nobody else may know of it.
#[export]
pub(crate) unsafe extern "C" fn kvm_riscv_onereg_hcounteren(
    vcpu: *mut bindings::kvm_vcpu,
) -> c_ulong {
    // SAFETY: The caller says so.
    let vcpu = unsafe { Vcpu::from_raw(vcpu) };

    word(counters::direct(handlers::lost(&vcpu)))
}
