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

/* Which bits of the flags of a virtual memory area are looked at: VM_*. */
enum {
	KVM_S2_POLICY_PFNMAP_BIT	= 10,
	KVM_S2_POLICY_MIXEDMAP_BIT	= 28,
	KVM_S2_POLICY_ANY_UNCACHED_BIT	= 39,
};

/* What is known of a slot besides. */
enum {
	KVM_S2_POLICY_SLOT_PAGE		= 0x01,	/* its first page, so that map_memory counts */
	KVM_S2_POLICY_SLOT_LOG		= 0x02,	/* writes to it are to be logged */
};

/*
 * What a guest hypervisor has in its own stage 2, with its MemAttr in the four bits below; nothing
 * is set where there is none.
 */
enum {
	KVM_S2_POLICY_NESTED_FWB	= 0x10,	/* it forces write-back */
	KVM_S2_POLICY_NESTED		= 0x80,
};

/*
 * What is known; which of it is looked at depends on the question. It goes by value, in two
 * registers, and a fault has little to fill in.
 */
struct kvm_s2_policy_facts {
	/* The virtual memory area. */
	u64	vm_flags;
	/* The machine. */
	bool	fwb;
	bool	dic;
	bool	protected;
	bool	normal_nc;	/* devices may be reached with more than Device */
	/* The protection of the area, an MT_*. */
	u8	mair_index;
	bool	map_memory;	/* at the address */
	u8	slot;		/* KVM_S2_POLICY_SLOT_*; of a slot only */
	u8	nested;		/* KVM_S2_POLICY_NESTED*; of a fault only */
};

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
	s8	prot;		/* of enum kvm_s2_policy_prot, or a negative error */
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
