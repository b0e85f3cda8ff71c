// SPDX-License-Identifier: GPL-2.0

//! The boundary to C: the host, and what an ioctl is called with.

use super::{
    bits::Ids,
    errno::{
        Errno,
        Reason, //
    },
    policy::Rules,
    regid::Block, //
};
use core::{
    marker::PhantomData,
    ptr::{
        self,
        NonNull, //
    },
};
use kernel::{
    bindings,
    prelude::*,
    uaccess::UserPtr, //
};

impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::NoEnt => ENOENT,
            Errno::Inval => EINVAL,
            Errno::Busy => EBUSY,
        }
    }
}

impl From<Reason> for Error {
    fn from(reason: Reason) -> Self {
        reason.errno().into()
    }
}

/// Widens a word of C.
pub(crate) fn wide(word: c_ulong) -> u64 {
    // CAST: There are 64 bits in both.
    word as u64
}

/// Makes a word for C.
pub(crate) fn word(wide: u64) -> c_ulong {
    // CAST: There are 64 bits in both.
    wide as c_ulong
}

/// Returns whether all processors of the host have an ISA bit.
pub(crate) fn host_has_bit(bit: u8) -> bool {
    // SAFETY: With a null pointer the function looks at the bitmap of the host.
    unsafe { bindings::__riscv_isa_extension_available(ptr::null(), u32::from(bit)) }
}

/// Returns whether the calling task may use vector instructions.
pub(crate) fn caller_may_use_vector() -> bool {
    // SAFETY: The function looks at the calling task, and needs nothing else.
    unsafe { bindings::kvm_riscv_onereg_vector_allowed() }
}

/// Returns the block size of an extension of the host.
pub(crate) fn block_size(block: Block) -> u32 {
    // SAFETY: They are written while booting, before KVM is there.
    unsafe {
        match block {
            Block::Zicbom => bindings::riscv_cbom_block_size,
            Block::Zicboz => bindings::riscv_cboz_block_size,
            Block::Zicbop => bindings::riscv_cbop_block_size,
        }
    }
}

/// Returns the mode of address translation of the host, at its place in satp.
pub(crate) fn satp() -> u64 {
    // SAFETY: It is written while booting, before KVM is there.
    unsafe { bindings::satp_mode }
}

/// What KVM_GET_ONE_REG and KVM_SET_ONE_REG are called with.
///
/// # Invariants
///
/// `raw` is valid for `'a`, and nobody changes it.
pub(crate) struct OneReg<'a> {
    raw: NonNull<bindings::kvm_one_reg>,
    lifetime: PhantomData<&'a bindings::kvm_one_reg>,
}

impl OneReg<'_> {
    /// Wraps a pointer.
    ///
    /// # Safety
    ///
    /// It must be valid, and what it points to must not change, for the life of what is returned.
    pub(crate) unsafe fn from_raw(raw: *const bindings::kvm_one_reg) -> Self {
        Self {
            // INVARIANT: The caller says so.
            // SAFETY: A valid pointer is not null.
            raw: unsafe { NonNull::new_unchecked(raw.cast_mut()) },
            lifetime: PhantomData,
        }
    }

    /// Returns the id.
    pub(crate) fn id(&self) -> u64 {
        // SAFETY: The pointer is valid by the type's invariant.
        unsafe { (*self.raw.as_ptr()).id }
    }

    /// Returns the user memory of a register as wide as an integer register.
    ///
    /// It is reached as one word, and not as bytes with [`kernel::uaccess::UserSlice`]: copying
    /// eight bytes, byte by byte, is what takes most of an access to a register.
    fn user(&self) -> *mut u64 {
        // SAFETY: The pointer is valid by the type's invariant.
        let address = unsafe { (*self.raw.as_ptr()).addr };

        UserPtr::from_addr(word(address)).as_mut_ptr().cast()
    }

    /// Reads the value from user memory.
    pub(crate) fn read(&self) -> Result<u64> {
        let mut value = 0;

        // SAFETY: `value` can be written. The other pointer may be any: it is checked.
        match unsafe { bindings::kvm_riscv_onereg_get_user(&mut value, self.user()) } {
            0 => Ok(value),
            _ => Err(EFAULT),
        }
    }

    /// Writes the value to user memory.
    pub(crate) fn write(&self, value: u64) -> Result {
        match self.put(value) {
            0 => Ok(()),
            _ => Err(EFAULT),
        }
    }

    /// Writes the value to user memory, and returns what C would.
    pub(crate) fn put(&self, value: u64) -> c_int {
        // SAFETY: The pointer may be any: it is checked.
        unsafe { bindings::kvm_riscv_onereg_put_user(value, self.user()) }
    }

    /// Returns the pointer, to be handed on to C.
    pub(crate) fn as_raw(&self) -> *const bindings::kvm_one_reg {
        self.raw.as_ptr()
    }
}

/// A VM whose vCPUs are looked at.
///
/// # Invariants
///
/// `raw` is valid for `'a`.
#[derive(Clone)]
pub(crate) struct Vcpus<'a> {
    raw: NonNull<bindings::kvm>,
    next: c_int,
    lifetime: PhantomData<&'a bindings::kvm>,
}

/// What a vCPU is at some moment.
#[derive(Clone, Copy)]
pub(crate) struct Snapshot {
    /// The extensions of the guest.
    pub(crate) guest: Ids,
    /// Whether it has run.
    pub(crate) ran: bool,
    /// The rules that it was made with.
    pub(crate) rules: Rules,
}

impl Vcpus<'_> {
    /// Wraps a pointer.
    ///
    /// # Safety
    ///
    /// It must be valid for the life of what is returned.
    pub(crate) unsafe fn from_raw(raw: *mut bindings::kvm) -> Self {
        Self {
            // INVARIANT: The caller says so.
            // SAFETY: A valid pointer is not null.
            raw: unsafe { NonNull::new_unchecked(raw) },
            next: 0,
            lifetime: PhantomData,
        }
    }
}

impl Iterator for Vcpus<'_> {
    type Item = Snapshot;

    fn next(&mut self) -> Option<Snapshot> {
        // SAFETY: The VM is valid by the type's invariant.
        let vcpu = unsafe { bindings::kvm_riscv_onereg_get_vcpu(self.raw.as_ptr(), self.next) };
        let vcpu = NonNull::new(vcpu)?.as_ptr();

        self.next = self.next.checked_add(1)?;

        // SAFETY: A vCPU lives as long as its VM.
        let onereg = unsafe { &raw const (*vcpu).arch.onereg };
        // SAFETY: As above. It may be changed meanwhile; being volatile, a word is read whole.
        let low = unsafe { (&raw const (*onereg).guest[0]).read_volatile() };
        // SAFETY: As above.
        let high = unsafe { (&raw const (*onereg).guest[1]).read_volatile() };
        // SAFETY: As above. It does not change once the vCPU is there.
        let strict = unsafe { (*onereg).strict };
        // SAFETY: As above. It becomes true at some time.
        let ran = unsafe { (&raw const (*vcpu).arch.ran_atleast_once).read_volatile() };

        Some(Snapshot {
            guest: Ids::from_words(low, high),
            ran,
            rules: rules(strict),
        })
    }
}

/// Returns the rules by what C stores.
pub(crate) fn rules(strict: bool) -> Rules {
    if strict {
        Rules::Strict
    } else {
        Rules::Compatible
    }
}

/// Returns whether new vCPUs get the strict rules.
pub(crate) fn new_vcpus_are_strict() -> bool {
    // SAFETY: It is a parameter of the module, of one byte, which may be written at any time.
    unsafe { (&raw const bindings::kvm_riscv_onereg_strict).read_volatile() }
}
