/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of RISC-V's ONE_REG interface share.
 */
#ifndef SELFTEST_KVM_RISCV_ONEREG_H
#define SELFTEST_KVM_RISCV_ONEREG_H

#include <errno.h>
#include <fcntl.h>

#include "kvm_util.h"
#include "processor.h"
#include "sbi.h"
#include "ucall_common.h"

#define FWFT_REG(name)							\
	__kvm_reg_id(KVM_REG_RISCV_SBI_STATE, KVM_REG_RISCV_SBI_FWFT,	\
		     KVM_REG_RISCV_SBI_FWFT_REG(name), KVM_REG_SIZE_ULONG)

#define ISA_MULTI_REG(kind, word)					\
	__kvm_reg_id(KVM_REG_RISCV_ISA_EXT, KVM_REG_RISCV_ISA_MULTI_##kind, \
		     word, KVM_REG_SIZE_ULONG)

#define SBI_MULTI_REG(kind)						\
	__kvm_reg_id(KVM_REG_RISCV_SBI_EXT, KVM_REG_RISCV_SBI_MULTI_##kind, \
		     0, KVM_REG_SIZE_ULONG)

/* SBI's number of the extension, and of its functions and features. */
#define SBI_EXT_FWFT		0x46574654
#define FWFT_SET		0
#define FWFT_GET		1
#define FWFT_LANDING_PAD	1
#define FWFT_SHADOW_STACK	2
#define FWFT_PMLEN		5
#define FWFT_LOCK		1
#define SBI_ERR_DENIED_LOCKED	-14

/* What a guest cannot have without V.  Nothing but V switches them off. */
#define EXTENSIONS_OF_V							\
	KVM_RISCV_ISA_EXT_ZVBB, KVM_RISCV_ISA_EXT_ZVBC, KVM_RISCV_ISA_EXT_ZVKB, \
	KVM_RISCV_ISA_EXT_ZVKG, KVM_RISCV_ISA_EXT_ZVKNED, KVM_RISCV_ISA_EXT_ZVKNHA, \
	KVM_RISCV_ISA_EXT_ZVKNHB, KVM_RISCV_ISA_EXT_ZVKSED, KVM_RISCV_ISA_EXT_ZVKSH, \
	KVM_RISCV_ISA_EXT_ZVKT, KVM_RISCV_ISA_EXT_ZVFH, KVM_RISCV_ISA_EXT_ZVFHMIN, \
	KVM_RISCV_ISA_EXT_ZVFBFMIN, KVM_RISCV_ISA_EXT_ZVFBFWMA

/* 0, or what went wrong as a negative errno. */
static inline int onereg_get(struct kvm_vcpu *vcpu, u64 id, void *value)
{
	return __vcpu_get_reg(vcpu, id, value) ? -errno : 0;
}

static inline int onereg_set(struct kvm_vcpu *vcpu, u64 id, const void *value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (u64)value };

	return __vcpu_ioctl(vcpu, KVM_SET_ONE_REG, &reg) ? -errno : 0;
}

static inline int onereg_set_ulong(struct kvm_vcpu *vcpu, u64 id, unsigned long value)
{
	return onereg_set(vcpu, id, &value);
}

/* Negative where the register cannot be read. */
static inline long onereg_value(struct kvm_vcpu *vcpu, u64 id)
{
	unsigned long value = 0;
	int err = onereg_get(vcpu, id, &value);

	return err ? err : (long)value;
}

static inline long isa_ext_value(struct kvm_vcpu *vcpu, unsigned long ext)
{
	return onereg_value(vcpu, RISCV_ISA_EXT_REG(ext));
}

static inline int isa_ext_set(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long value)
{
	return onereg_set_ulong(vcpu, RISCV_ISA_EXT_REG(ext), value);
}

/* What a file of the kernel's says; nothing where there is no such file. */
static inline size_t read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	size_t length = 0;
	ssize_t got;

	while (fd >= 0 && length < size - 1 &&
	       (got = read(fd, text + length, size - 1 - length)) > 0)
		length += got;
	text[length] = 0;
	if (fd >= 0)
		close(fd);
	return length;
}

static inline int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC);
	ssize_t put = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return put < 0 ? -errno : 0;
}

#define STRICT_RULES "/sys/module/kvm/parameters/onereg_strict"

/* Whether new VMs have a table in debugfs; writing to it fails where there is none. */
#define TABLES "/sys/module/kvm/parameters/onereg_table"

/* Whether new vCPUs have the strict rules, which not every kernel has. */
static inline bool rules_are_strict(void)
{
	char answer[8];

	return read_text(STRICT_RULES, answer, sizeof(answer)) && answer[0] == 'Y';
}

/* Runs to the next ucall.  A CSR that KVM leaves to its VMM, as seed, reads as 0. */
static inline u64 run_to_ucall(struct kvm_vcpu *vcpu, struct ucall *uc)
{
	vcpu_run(vcpu);
	while (vcpu->run->exit_reason == KVM_EXIT_RISCV_CSR) {
		vcpu->run->riscv_csr.ret_value = 0;
		vcpu_run(vcpu);
	}

	return get_ucall(vcpu, uc);
}

#endif /* SELFTEST_KVM_RISCV_ONEREG_H */
