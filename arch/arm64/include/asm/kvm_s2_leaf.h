/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The policy for memory types at stage 2, as the page tables' code sees it.
 *
 * That code is built for EL2 too, where there is no policy.
 */
#ifndef __ASM_KVM_S2_LEAF_H
#define __ASM_KVM_S2_LEAF_H

#include <asm/kvm_pgtable.h>

#if defined(CONFIG_KVM_ARM64_S2_POLICY_RUST) && !defined(__KVM_NVHE_HYPERVISOR__)
enum kvm_pgtable_prot kvm_s2_policy_leaf_prot(u64 pte);
#else
static inline enum kvm_pgtable_prot kvm_s2_policy_leaf_prot(u64 pte)
{
	return 0;
}
#endif

#endif /* __ASM_KVM_S2_LEAF_H */
