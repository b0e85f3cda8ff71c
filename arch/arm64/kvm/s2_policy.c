// SPDX-License-Identifier: GPL-2.0
/*
 * Facts for the policy for memory types at stage 2, and what becomes of its answers.
 */
#include <linux/init.h>
#include <linux/jump_label.h>
#include <linux/kstrtox.h>
#include <linux/mm.h>
#include <linux/string.h>

#include <asm/cpufeature.h>
#include <asm/kvm_mmu.h>
#include <asm/kvm_s2_leaf.h>
#include <asm/kvm_s2_policy.h>
#include <asm/memory.h>
#include <asm/virt.h>

#include "s2_policy.h"

#define CREATE_TRACE_POINTS
#include "trace_s2_policy.h"

DEFINE_STATIC_KEY_TRUE(kvm_s2_policy_decides);

/* The rules in mmu.c can be had back, to compare the two on one kernel. */
static int __init early_s2_policy(char *arg)
{
	if (!arg)
		return -EINVAL;
	if (!strcmp(arg, "c"))
		static_branch_disable(&kvm_s2_policy_decides);
	else if (strcmp(arg, "rust"))
		return -EINVAL;
	return 0;
}
early_param("kvm-arm.s2_policy", early_s2_policy);

/* What the administrator says for all devices of the machine. */
static bool s2_normal_nc __ro_after_init = true;

static int __init early_s2_normal_nc(char *arg)
{
	return kstrtobool(arg, &s2_normal_nc);
}
early_param("kvm-arm.s2_normal_nc", early_s2_normal_nc);

/* What does not change once there can be guests. */
struct kvm_s2_policy_facts kvm_s2_policy_host __ro_after_init;

static int __init find_host_facts(void)
{
	kvm_s2_policy_host = (struct kvm_s2_policy_facts) {
		.fwb		= cpus_have_final_cap(ARM64_HAS_STAGE2_FWB),
		.dic		= cpus_have_final_cap(ARM64_HAS_CACHE_DIC),
		.protected	= is_protected_kvm_enabled(),
		.normal_nc	= s2_normal_nc,
	};
	return 0;
}
late_initcall(find_host_facts);

/* The indices that HostType::from_mair_index() in Rust tells apart. */
static_assert(MT_NORMAL == 0 && MT_NORMAL_TAGGED == 1);
static_assert(MT_NORMAL_NC == 2 && MT_DEVICE_nGnRnE == 3 && MT_DEVICE_nGnRE == 4);

static_assert(VM_PFNMAP == BIT_ULL(KVM_S2_POLICY_PFNMAP_BIT));
static_assert(VM_MIXEDMAP == BIT_ULL(KVM_S2_POLICY_MIXEDMAP_BIT));
static_assert(VM_ALLOW_ANY_UNCACHED == BIT_ULL(KVM_S2_POLICY_ANY_UNCACHED_BIT));

static_assert((int)KVM_S2_POLICY_EXECUTABLE == (int)KVM_PGTABLE_PROT_X);
static_assert((int)KVM_S2_POLICY_DEVICE == (int)KVM_PGTABLE_PROT_DEVICE);
static_assert((int)KVM_S2_POLICY_NORMAL_NC == (int)KVM_PGTABLE_PROT_NORMAL_NC);

/* Tells the user of the VM which page there is no mapping for. */
int kvm_s2_policy_no_page(struct kvm_vcpu *vcpu, phys_addr_t ipa,
			  struct kvm_s2_trans *nested)
{
	if (kvm_s2_policy_active())
		kvm_prepare_memory_fault_exit(vcpu,
					      (nested ? kvm_s2_trans_output(nested) : ipa) & PAGE_MASK,
					      PAGE_SIZE, kvm_is_write_fault(vcpu),
					      kvm_vcpu_trap_is_exec_fault(vcpu), false);
	return -EFAULT;
}

/*
 * Adds the type to the permissions of a page that is the guest's memory and no user maps. Only a
 * guest hypervisor has anything to say of it.
 */
int kvm_s2_policy_guest_memory(struct kvm_vcpu *vcpu, const struct kvm_s2_trans *nested,
			       kvm_pfn_t pfn, enum kvm_pgtable_prot *prot)
{
	int type;

	if (!kvm_s2_policy_active() || !kvm_s2_policy_is_asked(VM_NONE, nested))
		return 0;

	type = kvm_s2_policy_fault(vcpu, nested, VM_NONE, MT_NORMAL, pfn, true);
	if (type < 0)
		return type;
	if (type & KVM_PGTABLE_PROT_X)
		return 0;
	if (kvm_vcpu_trap_is_exec_fault(vcpu))
		return -ENOEXEC;

	*prot = (*prot & ~KVM_PGTABLE_PROT_X) | type;
	kvm_flush_dcache_to_poc(pfn_to_kaddr(pfn), PAGE_SIZE);
	return 0;
}

/* Returns the type of a leaf, for the leaves that it is split into. */
enum kvm_pgtable_prot kvm_s2_policy_leaf_prot(u64 pte)
{
	u8 mem_attr = FIELD_GET(KVM_PTE_LEAF_ATTR_LO_S2_MEMATTR, pte);

	if (!kvm_s2_policy_active())
		return 0;

	return kvm_s2_policy_leaf(mem_attr, kvm_s2_policy_host.fwb);
}

void kvm_s2_policy_trace(struct kvm_vcpu *vcpu, kvm_pfn_t pfn, struct kvm_s2_policy_verdict verdict)
{
	trace_kvm_s2_policy(kvm_vcpu_get_fault_ipa(vcpu), PFN_PHYS(pfn), verdict);
}

/* Returns the type for registers at @pa that the kernel itself hands to a guest. */
enum kvm_pgtable_prot kvm_s2_policy_ioremap(phys_addr_t ipa, phys_addr_t pa)
{
	struct kvm_s2_policy_verdict verdict;

	if (!kvm_s2_policy_active())
		return KVM_PGTABLE_PROT_DEVICE;

	verdict = kvm_s2_policy_decide_host(kvm_s2_policy_host);
	trace_kvm_s2_policy(ipa, pa, verdict);

	/* A protected host refuses it by itself, and with another error. */
	return verdict.prot < 0 ? KVM_PGTABLE_PROT_DEVICE : verdict.prot;
}

/* Looks for the first page of a part of a slot; some are mapped only when they are touched. */
static void add_first_page(struct kvm_s2_policy_facts *facts, struct vm_area_struct *vma, hva_t hva)
{
	struct follow_pfnmap_args args = {
		.vma		= vma,
		.address	= max(hva, vma->vm_start),
	};

	if (!(vma->vm_flags & (VM_PFNMAP | VM_MIXEDMAP)))
		return;
	if (follow_pfnmap_start(&args))
		return;

	facts->slot |= KVM_S2_POLICY_SLOT_PAGE;
	facts->map_memory = pfn_is_map_memory(args.pfn);
	follow_pfnmap_end(&args);
}

/* Returns an error if what @vma has at @hva and behind it must not be in a slot with @slot_flags. */
int kvm_s2_policy_slot(struct vm_area_struct *vma, hva_t hva, u32 slot_flags)
{
	struct kvm_s2_policy_facts facts = kvm_s2_policy_host;
	struct kvm_s2_policy_verdict verdict;

	if (!kvm_s2_policy_active())
		return 0;

	kvm_s2_policy_add_vma(&facts, vma->vm_flags, kvm_s2_policy_mair_index(vma));
	add_first_page(&facts, vma, hva);
	if (slot_flags & KVM_MEM_LOG_DIRTY_PAGES)
		facts.slot |= KVM_S2_POLICY_SLOT_LOG;

	verdict = kvm_s2_policy_check_slot(facts);
	if (verdict.prot)
		trace_kvm_s2_policy_slot(hva, verdict);

	return verdict.prot;
}

/* The same abort as the guest's own tables would have caused. */
static void inject_misaligned(struct kvm_vcpu *vcpu)
{
	u64 esr = kvm_vcpu_get_esr(vcpu) & (ESR_ELx_IL | ESR_ELx_CM | ESR_ELx_WNR);
	u64 class = vcpu_mode_priv(vcpu) ? ESR_ELx_EC_DABT_CUR : ESR_ELx_EC_DABT_LOW;

	esr |= FIELD_PREP(ESR_ELx_EC_MASK, class) | KVM_S2_FSC_ALIGNMENT;
	vcpu_write_sys_reg(vcpu, kvm_vcpu_get_hfar(vcpu),
			   is_hyp_ctxt(vcpu) ? FAR_EL2 : FAR_EL1);
	kvm_inject_sync(vcpu, esr);
}

/* Tells the guest, or the guest hypervisor, of a misaligned access to a Device mapping. */
int kvm_s2_policy_tell_misaligned(struct kvm_vcpu *vcpu, const struct kvm_s2_trans *nested)
{
	struct kvm_s2_policy_facts facts = kvm_s2_policy_host;

	kvm_s2_policy_add_nested(&facts, vcpu, nested);
	if (kvm_s2_policy_is_nested_device(facts))
		return kvm_inject_s2_fault(vcpu, kvm_vcpu_get_esr(vcpu));

	/* What a 32-bit guest would have in its registers depends on its page tables' format. */
	if (vcpu_el1_is_32bit(vcpu))
		return kvm_inject_sea_dabt(vcpu, kvm_vcpu_get_hfar(vcpu));

	inject_misaligned(vcpu);
	return 1;
}
