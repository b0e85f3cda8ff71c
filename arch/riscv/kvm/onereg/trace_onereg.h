/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace event of the Rust code for the ONE_REG interface.
 */
#if !defined(_TRACE_KVM_ONEREG_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_KVM_ONEREG_H

#include <linux/tracepoint.h>

#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm

/* The order is that of Reason::code() in errno.rs, and then OUTSIDE. */
#define kvm_onereg_reasons				\
	{ 0,	"unknown type" },			\
	{ 1,	"wrong size" },				\
	{ 2,	"unknown register" },			\
	{ 3,	"not on the host" },			\
	{ 4,	"the vCPU has run" },			\
	{ 5,	"bad value" },				\
	{ 6,	"not offered" },			\
	{ 7,	"the host lacks another extension" },	\
	{ 8,	"the caller may not use vectors" },	\
	{ 9,	"nothing turns it off" },		\
	{ 10,	"KVM uses it" },			\
	{ 11,	"strict rules only" },			\
	{ 12,	"it needs another extension" },		\
	{ 13,	"another extension needs it" },		\
	{ 14,	"C code or user memory" }

TRACE_EVENT(kvm_onereg_refused,
	TP_PROTO(int vcpu_id, u64 id, bool write, int reason, int other, int error),
	TP_ARGS(vcpu_id, id, write, reason, other, error),

	TP_STRUCT__entry(
		__field(u64, id)
		__field(int, vcpu_id)
		__field(int, reason)
		__field(int, other)
		__field(int, error)
		__field(bool, write)
	),

	TP_fast_assign(
		__entry->id		= id;
		__entry->vcpu_id	= vcpu_id;
		__entry->reason		= reason;
		__entry->other		= other;
		__entry->error		= error;
		__entry->write		= write;
	),

	TP_printk("vcpu %d %s 0x%016llx: %s (extension %d), error %d",
		  __entry->vcpu_id, __entry->write ? "set" : "get", __entry->id,
		  __print_symbolic(__entry->reason, kvm_onereg_reasons),
		  __entry->other, __entry->error)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH onereg
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace_onereg

/* This part must be outside protection */
#include <trace/define_trace.h>
