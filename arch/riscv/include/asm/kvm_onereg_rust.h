/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the Rust code for the ONE_REG interface has in a vCPU, and what it needs
 * from macros and inline functions.
 */

#ifndef __KVM_RISCV_ONEREG_RUST_H
#define __KVM_RISCV_ONEREG_RUST_H

#include <linux/types.h>

struct kvm;
struct kvm_vcpu;
struct seq_file;

#ifdef CONFIG_KVM_RISCV_ONEREG_RUST

#ifdef __BINDGEN__
#include <asm/csr.h>

/* What bindgen makes nothing of, for it is written with _AC(). */
const u64 RUST_CONST_HELPER_ENVCFG_LPE = ENVCFG_LPE;
const u64 RUST_CONST_HELPER_ENVCFG_SSE = ENVCFG_SSE;
const u64 RUST_CONST_HELPER_ENVCFG_CBIE = ENVCFG_CBIE;
const u64 RUST_CONST_HELPER_ENVCFG_CBCFE = ENVCFG_CBCFE;
const u64 RUST_CONST_HELPER_ENVCFG_CBZE = ENVCFG_CBZE;
const u64 RUST_CONST_HELPER_ENVCFG_PMM = ENVCFG_PMM;
const u64 RUST_CONST_HELPER_ENVCFG_ADUE = ENVCFG_ADUE;
const u64 RUST_CONST_HELPER_ENVCFG_PBMTE = ENVCFG_PBMTE;
/* Of a constant with the highest bit it makes nothing either. */
const u64 RUST_CONST_HELPER_ENVCFG_STCE_HIGH = ENVCFG_STCE >> 32;
const u64 RUST_CONST_HELPER_SMSTATEEN0_AIA_IMSIC = SMSTATEEN0_AIA_IMSIC;
const u64 RUST_CONST_HELPER_SMSTATEEN0_AIA = SMSTATEEN0_AIA;
const u64 RUST_CONST_HELPER_SMSTATEEN0_AIA_ISEL = SMSTATEEN0_AIA_ISEL;
const u64 RUST_CONST_HELPER_SMSTATEEN0_HSENVCFG = SMSTATEEN0_HSENVCFG;
#endif

/**
 * struct kvm_riscv_onereg - state of a vCPU that only the Rust code has
 * @guest: the extensions of the guest, by their KVM_RISCV_ISA_EXT_* numbers;
 *         the same as the vCPU's ISA bitmap
 * @host: those for which the host has what they need
 * @strict: whether the strict rules apply to it
 */
struct kvm_riscv_onereg {
	u64 guest[2];
	u64 host[2];
	bool strict;
};

int kvm_riscv_onereg_get_user(u64 *value, const u64 __user *from);
int kvm_riscv_onereg_put_user(u64 value, u64 __user *to);
unsigned long kvm_riscv_onereg_hvip_to_vsip(unsigned long hvip);
unsigned long kvm_riscv_onereg_vsip_to_hvip(unsigned long vsip);
unsigned long kvm_riscv_onereg_irq_local_mask(void);
void kvm_riscv_onereg_forget_irq_changes(struct kvm_vcpu *vcpu);
void kvm_riscv_onereg_vector_reset(struct kvm_vcpu *vcpu);
bool kvm_riscv_onereg_vector_allowed(void);
struct kvm_vcpu *kvm_riscv_onereg_get_vcpu(struct kvm *kvm, int index);
bool kvm_riscv_onereg_is_traced(void);
void kvm_riscv_onereg_trace_refused(struct kvm_vcpu *vcpu, u64 id, bool write,
				    int reason, int other, int error);
void kvm_riscv_onereg_use_hcounteren(void);
void kvm_riscv_onereg_load(struct kvm_vcpu *vcpu);

extern bool kvm_riscv_onereg_strict;

/* In Rust. */
bool kvm_riscv_onereg_fwft_is_open(struct kvm_vcpu *vcpu, u32 feature);
bool kvm_riscv_onereg_counter_is_open(struct kvm_vcpu *vcpu, unsigned int csr_num);
unsigned long kvm_riscv_onereg_hcounteren(struct kvm_vcpu *vcpu);
int kvm_riscv_onereg_show(struct seq_file *file, struct kvm *kvm);

#define kvm_riscv_fwft_is_open(vcpu, feature, c_code) \
	kvm_riscv_onereg_fwft_is_open(vcpu, feature)

#else

static inline void kvm_riscv_onereg_load(struct kvm_vcpu *vcpu) {}

static inline bool kvm_riscv_onereg_counter_is_open(struct kvm_vcpu *vcpu,
						    unsigned int csr_num)
{
	return true;
}

#define kvm_riscv_fwft_is_open(vcpu, feature, c_code)	(c_code)

#endif

#endif
