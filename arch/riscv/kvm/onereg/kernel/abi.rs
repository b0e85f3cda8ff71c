// SPDX-License-Identifier: GPL-2.0

//! What the C headers have to say, checked while compiling.

use super::{
    fwft::{
        henvcfg,
        Feature,
        REGISTERS, //
    },
    list,
    regid::{
        AIA_CSRS,
        CONFIG_REGS,
        CORE_REGS,
        GENERAL_CSRS,
        SIP,
        TIMER_REGS, //
    },
    rows::extension_rows,
    table::{
        hstateen0,
        COUNT, //
    },
};
use core::mem::{
    offset_of,
    size_of, //
};
use kernel::{
    bindings,
    prelude::*, //
};

/// Checks the list of extensions.
macro_rules! same_as_in_c {
    ($(
        $ext:ident = $number:literal, $bit:literal, $enable:expr, $disable:expr, $by:expr,
        [$($need:ident),*] $(, on $host:ident)?;
    )*) => {
        kernel::macros::paste! {
            $(
                const _: () = assert!(
                    bindings::[<KVM_RISCV_ISA_EXT_ID_KVM_RISCV_ISA_EXT_ $ext>] == $number
                );
            )*
        }
        $(
            const _: () = assert!(bit_in_c!($ext) == $bit);
        )*
    };
}

/// Returns the ISA bit of an extension in the C headers.
///
/// Those of single letters are differences of characters, which bindgen leaves out.
macro_rules! bit_in_c {
    (A) => {
        b'a' - b'a'
    };
    (C) => {
        b'c' - b'a'
    };
    (D) => {
        b'd' - b'a'
    };
    (F) => {
        b'f' - b'a'
    };
    (H) => {
        b'h' - b'a'
    };
    (I) => {
        b'i' - b'a'
    };
    (M) => {
        b'm' - b'a'
    };
    (V) => {
        b'v' - b'a'
    };
    ($ext:ident) => {
        kernel::macros::paste! { bindings::[<RISCV_ISA_EXT_ $ext>] }
    };
}

extension_rows!(same_as_in_c);

// CAST: Widening conversions, for which there is no other way in a constant.
const _: () = assert!(COUNT == bindings::KVM_RISCV_ISA_EXT_ID_KVM_RISCV_ISA_EXT_MAX as usize);

const _: () =
    assert!(list::SBI_EXTENSIONS as u32 == bindings::KVM_RISCV_SBI_EXT_ID_KVM_RISCV_SBI_EXT_MAX);
const _: () = assert!(list::STA as u32 == bindings::KVM_RISCV_SBI_EXT_ID_KVM_RISCV_SBI_EXT_STA);
const _: () = assert!(list::FWFT as u32 == bindings::KVM_RISCV_SBI_EXT_ID_KVM_RISCV_SBI_EXT_FWFT);

const WORD: usize = size_of::<c_ulong>();
const FEATURE_WORDS: usize = size_of::<bindings::kvm_riscv_sbi_fwft_feature>() / WORD;

/// Checks that a structure is so many words.
macro_rules! words {
    ($($structure:ident: $words:expr;)*) => {
        // CAST: Widening conversions, for which there is no other way in a constant.
        $(const _: () = assert!(size_of::<bindings::$structure>() == $words as usize * WORD);)*
    };
}

words! {
    kvm_riscv_config: CONFIG_REGS;
    kvm_riscv_core: CORE_REGS;
    kvm_riscv_csr: GENERAL_CSRS;
    kvm_vcpu_csr: GENERAL_CSRS;
    kvm_riscv_aia_csr: AIA_CSRS;
    kvm_riscv_smstateen_csr: 1;
    kvm_vcpu_smstateen_csr: 1;
    kvm_riscv_zicfiss_csr: 1;
    kvm_vcpu_zicfiss_csr: 1;
    kvm_riscv_timer: TIMER_REGS;
    kvm_riscv_sbi_fwft_feature: REGISTERS;
    kvm_riscv_sbi_fwft: Feature::ALL.len() * FEATURE_WORDS;
}

const _: () = assert!(offset_of!(bindings::kvm_riscv_csr, sip) == SIP * WORD);
const _: () = assert!(offset_of!(bindings::kvm_vcpu_csr, hvip) == SIP * WORD);
const _: () = assert!(offset_of!(bindings::kvm_cpu_context, t6) == 31 * WORD);
const _: () = assert!(offset_of!(bindings::kvm_riscv_core, mode) == 32 * WORD);

/// Checks the numbers of firmware features, and where their registers are.
macro_rules! features {
    ($($feature:ident: $name:ident, $member:ident;)*) => {
        kernel::macros::paste! {
            $(
                const _: () = assert!(
                    Feature::$feature.number()
                        == bindings::[<sbi_fwft_feature_t_SBI_FWFT_ $name>]
                );
            )*
        }
        // CAST: Widening conversions, for which there is no other way in a constant.
        $(
            const _: () = assert!(
                Feature::$feature.first_register() as usize * WORD
                    == offset_of!(bindings::kvm_riscv_sbi_fwft, $member)
            );
        )*
    };
}

features! {
    MisalignedDelegation: MISALIGNED_EXC_DELEG, misaligned_deleg;
    LandingPad: LANDING_PAD, landing_pad;
    ShadowStack: SHADOW_STACK, shadow_stack;
    AdUpdating: PTE_AD_HW_UPDATING, pte_ad_hw_updating;
    PointerMasking: POINTER_MASKING_PMLEN, pointer_masking;
}

const _: () = assert!(offset_of!(bindings::kvm_riscv_sbi_fwft_feature, enable) == 0);

const _: () = {
    assert!(bindings::ENVCFG_LPE == henvcfg::LPE);
    assert!(bindings::ENVCFG_SSE == henvcfg::SSE);
    assert!(bindings::ENVCFG_CBZE == henvcfg::CBZE);
    assert!(bindings::ENVCFG_CBIE | bindings::ENVCFG_CBCFE == henvcfg::CBOM);
    assert!(bindings::ENVCFG_PMM == henvcfg::PMM);
    assert!(bindings::ENVCFG_ADUE == henvcfg::ADUE);
    assert!(bindings::ENVCFG_PBMTE == henvcfg::PBMTE);
    assert!(bindings::ENVCFG_STCE_HIGH << 32 == henvcfg::STCE);
    assert!(
        bindings::SMSTATEEN0_AIA_IMSIC | bindings::SMSTATEEN0_AIA | bindings::SMSTATEEN0_AIA_ISEL
            == hstateen0::AIA
    );
    assert!(bindings::SMSTATEEN0_HSENVCFG == hstateen0::HSENVCFG);
    assert!(1 << bindings::SMSTATEEN0_SSTATEEN0_SHIFT == hstateen0::SSTATEEN0);
};
