/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a kernel tells of a guest's registers beside the registers, if it does.
 */
#ifndef SELFTEST_KVM_RISCV_ONEREG_TRACE_H
#define SELFTEST_KVM_RISCV_ONEREG_TRACE_H

#include "onereg.h"

#define REFUSED_EVENT "events/kvm/kvm_onereg_refused/enable"
#define REFUSED_LINE "kvm_onereg_refused:"
#define PATH_LENGTH 96

/* NULL where the kernel has no such event. */
static inline const char *folder_of_traces(void)
{
	static const char * const folders[] = {
		"/sys/kernel/tracing", "/sys/kernel/debug/tracing",
	};
	char path[PATH_LENGTH];

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s/" REFUSED_EVENT, folders[i]);
		if (!access(path, W_OK))
			return folders[i];
	}
	return NULL;
}

static inline int tell_tracer(const char *folder, const char *file, const char *what)
{
	char path[PATH_LENGTH];

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	return write_text(path, what);
}

/* What has been traced, from the start as far as there is room. */
static inline void read_trace(const char *folder, char *text, size_t size)
{
	char path[PATH_LENGTH];

	snprintf(path, sizeof(path), "%s/trace", folder);
	read_text(path, text, size);
}

/* The table of a VM's extensions, if the kernel has one. */
static inline void path_of_table(const struct kvm_vm *vm, char path[PATH_LENGTH])
{
	snprintf(path, PATH_LENGTH, "/sys/kernel/debug/kvm/%d-%d/isa_extensions", getpid(),
		 vm->fd);
}

#endif /* SELFTEST_KVM_RISCV_ONEREG_TRACE_H */
