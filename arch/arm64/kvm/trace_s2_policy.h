/* SPDX-License-Identifier: GPL-2.0 */
#if !defined(_TRACE_S2_POLICY_ARM64_KVM_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_S2_POLICY_ARM64_KVM_H

#include <linux/tracepoint.h>
#include <asm/kvm_s2_policy.h>

#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm

#define kvm_s2_policy_types				\
	{ KVM_S2_POLICY_DEVICE,		"Device" },	\
	{ KVM_S2_POLICY_NORMAL_NC,	"Normal-NC" },	\
	{ KVM_S2_POLICY_NORMAL,		"Normal" }

#define kvm_s2_policy_reasons							\
	{ KVM_S2_POLICY_MEMORY,			"memory" },			\
	{ KVM_S2_POLICY_DEVICE_MEMORY,		"memory of a device" },		\
	{ KVM_S2_POLICY_DRIVER_GRANT,		"granted by the driver" },	\
	{ KVM_S2_POLICY_NO_DRIVER_GRANT,	"not granted by the driver" },	\
	{ KVM_S2_POLICY_MACHINE,		"limited for this machine" },	\
	{ KVM_S2_POLICY_GUEST_HYPERVISOR,	"limited by the guest hypervisor" }, \
	{ KVM_S2_POLICY_HOST_REGISTERS,		"registers of the host" },	\
	{ KVM_S2_POLICY_NOT_COHERENT,		"caches are not coherent" },	\
	{ KVM_S2_POLICY_PROTECTED,		"device on a protected host" },	\
	{ KVM_S2_POLICY_DIRTY_LOG,		"writes cannot be logged" }

TRACE_EVENT(kvm_s2_policy,
	TP_PROTO(phys_addr_t ipa, phys_addr_t pa, struct kvm_s2_policy_verdict verdict),
	TP_ARGS(ipa, pa, verdict),

	TP_STRUCT__entry(
		__field(	u64,	ipa	)
		__field(	u64,	pa	)
		__field(	int,	error	)
		__field(	u8,	type	)
		__field(	u8,	reason	)
	),

	TP_fast_assign(
		__entry->ipa	= ipa;
		__entry->pa	= pa;
		__entry->error	= min_t(int, verdict.prot, 0);
		__entry->type	= verdict.prot < 0 ? KVM_S2_POLICY_DEVICE :
				  verdict.prot & ~KVM_S2_POLICY_EXECUTABLE;
		__entry->reason	= verdict.reason;
	),

	TP_printk("ipa %#llx, pa %#llx, error %d, type %s: %s",
		  __entry->ipa, __entry->pa, __entry->error,
		  __print_symbolic(__entry->type, kvm_s2_policy_types),
		  __print_symbolic(__entry->reason, kvm_s2_policy_reasons))
);

TRACE_EVENT(kvm_s2_policy_slot,
	TP_PROTO(unsigned long hva, struct kvm_s2_policy_verdict verdict),
	TP_ARGS(hva, verdict),

	TP_STRUCT__entry(
		__field(	unsigned long,	hva	)
		__field(	int,		error	)
		__field(	u8,		reason	)
	),

	TP_fast_assign(
		__entry->hva	= hva;
		__entry->error	= verdict.prot;
		__entry->reason	= verdict.reason;
	),

	TP_printk("hva %#lx, error %d: %s", __entry->hva, __entry->error,
		  __print_symbolic(__entry->reason, kvm_s2_policy_reasons))
);

#endif /* _TRACE_S2_POLICY_ARM64_KVM_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace_s2_policy

/* This part must be outside protection */
#include <trace/define_trace.h>
