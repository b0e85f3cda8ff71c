/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The policy for memory types at stage 2, as mmu.c and ptdump.c see it.
 *
 * Without CONFIG_KVM_ARM64_S2_POLICY_RUST nothing here does anything, and the rules in mmu.c apply.
 */
#ifndef __KVM_ARM64_S2_POLICY_H
#define __KVM_ARM64_S2_POLICY_H

#include <linux/jump_label.h>
#include <linux/kvm_host.h>
#include <linux/tracepoint-defs.h>
#include <asm/esr.h>
#include <asm/kvm_emulate.h>
#include <asm/kvm_nested.h>
#include <asm/kvm_pgtable.h>
#include <asm/kvm_s2_policy.h>
#include <asm/pgtable.h>

/* An access to Device memory that is not aligned. */
#define KVM_S2_FSC_ALIGNMENT	0x21

static inline u8 kvm_s2_policy_mair_index(const struct vm_area_struct *vma)
{
	return FIELD_GET(PTE_ATTRINDX_MASK, pgprot_val(vma->vm_page_prot));
}

#ifdef CONFIG_KVM_ARM64_S2_POLICY_RUST
DECLARE_TRACEPOINT(kvm_s2_policy);
DECLARE_STATIC_KEY_TRUE(kvm_s2_policy_decides);

/* Whether the policy decides, rather than the rules in mmu.c. */
static inline bool kvm_s2_policy_active(void)
{
	return static_branch_likely(&kvm_s2_policy_decides);
}

/*
 * Whether a fault is worth to be asked about. What is answered of pages that the kernel manages is
 * known if there is no guest hypervisor: kvm_s2_policy_faults.not_asked.
 */
static inline bool kvm_s2_policy_is_asked(vm_flags_t vm_flags, const struct kvm_s2_trans *nested)
{
	return (vm_flags & (VM_PFNMAP | VM_MIXEDMAP)) || nested ||
	       tracepoint_enabled(kvm_s2_policy);
}
#else
static inline bool kvm_s2_policy_active(void)
{
	return false;
}

static inline bool kvm_s2_policy_is_asked(vm_flags_t vm_flags, const struct kvm_s2_trans *nested)
{
	return false;
}
#endif

static inline bool kvm_s2_policy_is_misaligned(const struct kvm_vcpu *vcpu)
{
	return kvm_s2_policy_active() &&
	       (kvm_vcpu_get_esr(vcpu) & ESR_ELx_FSC) == KVM_S2_FSC_ALIGNMENT &&
	       !kvm_vcpu_trap_is_iabt(vcpu);
}

#ifdef CONFIG_KVM_ARM64_S2_POLICY_RUST

enum kvm_pgtable_prot kvm_s2_policy_ioremap(phys_addr_t ipa, phys_addr_t pa);
int kvm_s2_policy_slot(struct vm_area_struct *vma, hva_t hva, u32 slot_flags);
int kvm_s2_policy_tell_misaligned(struct kvm_vcpu *vcpu, const struct kvm_s2_trans *nested);
int kvm_s2_policy_no_page(struct kvm_vcpu *vcpu, phys_addr_t ipa,
			  struct kvm_s2_trans *nested);
int kvm_s2_policy_guest_memory(struct kvm_vcpu *vcpu, const struct kvm_s2_trans *nested,
			       kvm_pfn_t pfn, enum kvm_pgtable_prot *prot);

void kvm_s2_policy_trace(struct kvm_vcpu *vcpu, kvm_pfn_t pfn,
			 struct kvm_s2_policy_verdict verdict);

extern struct kvm_s2_policy_facts kvm_s2_policy_host;

static inline void kvm_s2_policy_add_vma(struct kvm_s2_policy_facts *facts, vm_flags_t vm_flags,
					 u8 mair_index)
{
	facts->vm_flags		= vm_flags;
	facts->mair_index	= mair_index;
}

static inline void kvm_s2_policy_add_nested(struct kvm_s2_policy_facts *facts,
					    struct kvm_vcpu *vcpu,
					    const struct kvm_s2_trans *nested)
{
	if (!nested)
		return;

	facts->nested = KVM_S2_POLICY_NESTED |
			FIELD_GET(KVM_PTE_LEAF_ATTR_LO_S2_MEMATTR, nested->desc);
	if (__vcpu_sys_reg(vcpu, HCR_EL2) & HCR_FWB)
		facts->nested |= KVM_S2_POLICY_NESTED_FWB;
}

/*
 * Returns the type for the page that @vcpu touched, with KVM_PGTABLE_PROT_X if it may be executable,
 * or a negative error. Every fault of a device comes here, so it is no function of its own.
 */
static inline int kvm_s2_policy_fault(struct kvm_vcpu *vcpu, const struct kvm_s2_trans *nested,
				      vm_flags_t vm_flags, u8 mair_index, kvm_pfn_t pfn,
				      bool is_memory)
{
	struct kvm_s2_policy_facts facts = kvm_s2_policy_host;
	struct kvm_s2_policy_verdict verdict;

	kvm_s2_policy_add_vma(&facts, vm_flags, mair_index);
	kvm_s2_policy_add_nested(&facts, vcpu, nested);
	facts.map_memory = is_memory;

	verdict = kvm_s2_policy_decide(facts);
	if (tracepoint_enabled(kvm_s2_policy))
		kvm_s2_policy_trace(vcpu, pfn, verdict);

	return verdict.prot;
}

/* One row for each value that stage2_set_prot_attr() writes, without and with FWB. */
#define KVM_S2_POLICY_PTDUMP_ROW(attr, name)			\
	{							\
		.mask	= KVM_PTE_LEAF_ATTR_LO_S2_MEMATTR,	\
		.val	= PTE_S2_MEMATTR(attr),			\
		.set	= name,					\
	}
#define KVM_S2_POLICY_PTDUMP					\
	KVM_S2_POLICY_PTDUMP_ROW(MT_S2_NORMAL, "NORMAL"),	\
	KVM_S2_POLICY_PTDUMP_ROW(MT_S2_FWB_NORMAL, "NORMAL"),	\
	KVM_S2_POLICY_PTDUMP_ROW(MT_S2_NORMAL_NC, "NORMAL-NC"),	\
	KVM_S2_POLICY_PTDUMP_ROW(MT_S2_DEVICE_nGnRE, "DEVICE"),

static_assert(MT_S2_NORMAL_NC == MT_S2_FWB_NORMAL_NC);
static_assert(MT_S2_DEVICE_nGnRE == MT_S2_FWB_DEVICE_nGnRE);

#else /* !CONFIG_KVM_ARM64_S2_POLICY_RUST */

static inline int kvm_s2_policy_fault(struct kvm_vcpu *vcpu, struct kvm_s2_trans *nested,
				      vm_flags_t vm_flags, u8 mair_index, kvm_pfn_t pfn,
				      bool is_memory)
{
	return -EOPNOTSUPP;
}

static inline enum kvm_pgtable_prot kvm_s2_policy_ioremap(phys_addr_t ipa, phys_addr_t pa)
{
	return KVM_PGTABLE_PROT_DEVICE;
}

static inline int kvm_s2_policy_slot(struct vm_area_struct *vma, hva_t hva, u32 slot_flags)
{
	return 0;
}

static inline int kvm_s2_policy_tell_misaligned(struct kvm_vcpu *vcpu,
						const struct kvm_s2_trans *nested)
{
	return -EFAULT;
}

static inline int kvm_s2_policy_no_page(struct kvm_vcpu *vcpu, phys_addr_t ipa,
					struct kvm_s2_trans *nested)
{
	return -EFAULT;
}

static inline int kvm_s2_policy_guest_memory(struct kvm_vcpu *vcpu,
					     const struct kvm_s2_trans *nested, kvm_pfn_t pfn,
					     enum kvm_pgtable_prot *prot)
{
	return 0;
}

#define KVM_S2_POLICY_PTDUMP

#endif /* CONFIG_KVM_ARM64_S2_POLICY_RUST */

#endif /* __KVM_ARM64_S2_POLICY_H */
