/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The policy for memory types at stage 2: what it is asked and what it answers.
 *
 * Both sides of the boundary to arch/arm64/kvm/s2_policy_rust.rs include this, so it has plain
 * numbers and flags only.
 */
#ifndef __ASM_KVM_S2_POLICY_H
#define __ASM_KVM_S2_POLICY_H

#include <linux/types.h>

/* What is known; which of it is looked at depends on the question. */
struct kvm_s2_policy_facts {
	/* The machine. */
	bool	fwb;
	bool	dic;
	bool	protected;
	bool	normal_nc;	/* devices may be reached with more than Device */
	/* The virtual memory area. */
	bool	pfnmap;
	bool	mixedmap;
	bool	any_uncached;
	u8	mair_index;	/* of its protection, an MT_* */
	/* The page. */
	bool	page_known;
	bool	map_memory;
	/* What it is wanted for. */
	bool	log_dirty;
	/* A guest hypervisor's own stage 2. */
	bool	nested;
	bool	nested_fwb;
	u8	nested_memattr;
} __aligned(8);			/* and so in two registers */

/* The numbers are those of KVM_PGTABLE_PROT_*. */
enum kvm_s2_policy_prot {
	KVM_S2_POLICY_NORMAL		= 0,
	KVM_S2_POLICY_EXECUTABLE	= 0x03,
	KVM_S2_POLICY_DEVICE		= 0x10,
	KVM_S2_POLICY_NORMAL_NC		= 0x20,
};

enum kvm_s2_policy_reason {
	KVM_S2_POLICY_MEMORY,
	KVM_S2_POLICY_DEVICE_MEMORY,
	KVM_S2_POLICY_DRIVER_GRANT,
	KVM_S2_POLICY_NO_DRIVER_GRANT,
	KVM_S2_POLICY_MACHINE,
	KVM_S2_POLICY_GUEST_HYPERVISOR,
	KVM_S2_POLICY_HOST_REGISTERS,
	KVM_S2_POLICY_NOT_COHERENT,
	KVM_S2_POLICY_PROTECTED,
	KVM_S2_POLICY_DIRTY_LOG,
};

struct kvm_s2_policy_verdict {
	int	prot;		/* of enum kvm_s2_policy_prot, or a negative error */
	u8	reason;		/* enum kvm_s2_policy_reason, of errors too */
};

/* A page of a memory slot that a guest touched. */
struct kvm_s2_policy_verdict kvm_s2_policy_decide(struct kvm_s2_policy_facts facts);
/* Registers that the kernel itself hands to a guest. */
struct kvm_s2_policy_verdict kvm_s2_policy_decide_host(struct kvm_s2_policy_facts facts);
/* The part of a memory slot that one virtual memory area is behind. */
struct kvm_s2_policy_verdict kvm_s2_policy_check_slot(struct kvm_s2_policy_facts facts);
/* The type of a leaf with this field, an enum kvm_s2_policy_prot. */
u8 kvm_s2_policy_leaf(u8 mem_attr, bool fwb);
/* Whether a misaligned access to a Device mapping is the guest hypervisor's to know of. */
bool kvm_s2_policy_is_nested_device(struct kvm_s2_policy_facts facts);

#endif /* __ASM_KVM_S2_POLICY_H */
