/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a guest tries that may trap.
 */
#ifndef SELFTEST_KVM_RISCV_ONEREG_GUEST_H
#define SELFTEST_KVM_RISCV_ONEREG_GUEST_H

#include "onereg.h"

#define EXC_LOAD_ACCESS 5

/* No bits of an address, and a length that masks them. */
#define POINTER_TAG (0x2aUL << 57)
#define POINTER_TAG_BITS 7
#define TAGGED_SECRET 0x1234

static volatile unsigned long traps;

static void skip_instruction(struct pt_regs *regs)
{
	traps++;
	regs->epc += 4;
}

/* Lets the guest go on behind an instruction of four bytes that traps. */
static inline void skip_what_traps(struct kvm_vcpu *vcpu)
{
	static const int exceptions[] = {
		EXC_INST_ILLEGAL, EXC_LOAD_ACCESS, EXC_LOAD_PAGE_FAULT, EXC_VIRTUAL_INST_FAULT,
	};

	vm_init_vector_tables(vcpu->vm);
	vcpu_init_vector_tables(vcpu);
	for (size_t i = 0; i < ARRAY_SIZE(exceptions); i++)
		vm_install_exception_handler(vcpu->vm, exceptions[i], skip_instruction);
}

/* Whether a load goes through whose pointer has bits in the masked part. */
static inline bool tagged_load_works(void)
{
	static unsigned long target = TAGGED_SECRET;
	unsigned long address = (unsigned long)&target | POINTER_TAG, value = 0;

	traps = 0;
	asm volatile(".option push\n"
		     ".option norvc\n"
		     "ld %0, 0(%1)\n"
		     ".option pop\n"
		     : "+r"(value) : "r"(address) : "memory");
	return !traps && value == TAGGED_SECRET;
}

/* The guest asks for pointers to be masked, or for something that is no such length. */
static inline long guest_masks(unsigned long bits, unsigned long flags)
{
	return sbi_ecall(SBI_EXT_FWFT, FWFT_SET, FWFT_PMLEN, bits, flags, 0, 0, 0).error;
}

#endif /* SELFTEST_KVM_RISCV_ONEREG_GUEST_H */
