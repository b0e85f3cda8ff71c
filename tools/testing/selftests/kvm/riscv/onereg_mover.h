/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest that is moved from one VM to another, and looks whether it has all it had.
 */
#ifndef SELFTEST_KVM_RISCV_ONEREG_MOVER_H
#define SELFTEST_KVM_RISCV_ONEREG_MOVER_H

#include "onereg_guest.h"

/* What the guest that moves has, and looks for afterwards. */
enum thing {
	FLOATS, VECTORS, VECTOR_CSRS, SCRATCH, MASKING, LOCK, STEAL_TIME, TIMER, THINGS,
};

#define BIT_OF(thing) (1UL << (thing))

static const char * const names[THINGS] = {
	[FLOATS] = "floats", [VECTORS] = "vector registers", [VECTOR_CSRS] = "vector CSRs",
	[SCRATCH] = "sscratch", [MASKING] = "pointer masking", [LOCK] = "the lock of a feature",
	[STEAL_TIME] = "the address of steal time", [TIMER] = "an armed timer",
};

/* Of time, in ticks: what no test takes, what is soon over, and what is long enough to wait. */
#define FAR 1000000000000UL
#define SOON 10000
#define LATE 30000000UL

#define VECTOR_BYTES 256
#define FLOAT_VALUE 0x1122334455667788UL
#define FCSR_VALUE 0x55
#define SCRATCH_VALUE 0x5a5aUL
#define VCSR_VALUE 5
#define SBI_EXT_TIMER 0x54494d45

static unsigned char pattern[VECTOR_BYTES], found[VECTOR_BYTES];
static u32 steal_time[16] __aligned(64);
static unsigned long vl, vtype, due;
static volatile int early, fired;

#define with_units(instructions, ...)					\
	asm volatile(".option push\n"					\
		     ".option arch, +v, +d\n"				\
		     instructions					\
		     ".option pop\n"					\
		     __VA_ARGS__)

static void leave_floats(void)
{
	with_units("fmv.d.x f27, %0\n"
		   "fscsr %1\n", : : "r"(FLOAT_VALUE), "r"(FCSR_VALUE));
}

static bool has_floats(void)
{
	unsigned long value, fcsr;

	with_units("fmv.x.d %0, f27\n"
		   "frcsr %1\n", : "=r"(value), "=r"(fcsr));
	return value == FLOAT_VALUE && fcsr == FCSR_VALUE;
}

static void leave_vectors(void)
{
	for (int i = 0; i < VECTOR_BYTES; i++)
		pattern[i] = 3 * i + 1;
	with_units("vl1re8.v v7, (%2)\n"
		   "vl1re8.v v31, (%2)\n"
		   "vsetvli %0, %3, e16, m2, ta, ma\n"
		   "csrr %1, vtype\n"
		   "csrw vcsr, %4\n",
		   : "=&r"(vl), "=&r"(vtype)
		   : "r"(pattern), "r"(3UL), "r"(VCSR_VALUE) : "memory");
}

static bool has_vector_csrs(void)
{
	unsigned long length, type, status;

	with_units("csrr %0, vl\n"
		   "csrr %1, vtype\n"
		   "csrr %2, vcsr\n", : "=r"(length), "=r"(type), "=r"(status));
	return length == vl && type == vtype && status == VCSR_VALUE;
}

static bool has_vector(bool last)
{
	unsigned long bytes;

	memset(found, 0, sizeof(found));
	with_units("csrr %0, vlenb\n", : "=r"(bytes));
	if (last)
		with_units("vs1r.v v31, (%0)\n", : : "r"(found) : "memory");
	else
		with_units("vs1r.v v7, (%0)\n", : : "r"(found) : "memory");
	return bytes && bytes <= VECTOR_BYTES && !memcmp(found, pattern, bytes);
}

static void timer_fired(struct pt_regs *regs)
{
	early += csr_read(CSR_TIME) < due;
	fired++;
	csr_clear(CSR_SIE, IE_TIE);
}

static void arm_timer(void)
{
	due = csr_read(CSR_TIME) + FAR;
	sbi_ecall(SBI_EXT_TIMER, 0, due, 0, 0, 0, 0, 0);
	csr_set(CSR_SIE, IE_TIE);
	local_irq_enable();
}

static bool timer_fires(void)
{
	while (!fired && csr_read(CSR_TIME) < due + LATE)
		;
	return fired == 1 && !early;
}

static bool is_locked(void)
{
	return guest_masks(0, 0) == SBI_ERR_DENIED_LOCKED;
}

/* Has all of it, is moved, and looks what of it is still there. */
static void guest_that_moves(unsigned long has, unsigned long steal_gpa)
{
	unsigned long kept = 0;

	csr_set(CSR_SSTATUS, SR_FS | SR_VS);
	leave_floats();
	if (has & BIT_OF(VECTORS))
		leave_vectors();
	if (has & BIT_OF(MASKING))
		guest_masks(POINTER_TAG_BITS, FWFT_LOCK);
	if (has & BIT_OF(STEAL_TIME))
		sbi_ecall(SBI_EXT_STA, 0, steal_gpa, 0, 0, 0, 0, 0);
	csr_write(CSR_SSCRATCH, SCRATCH_VALUE);
	arm_timer();
	GUEST_SYNC(fired);

	kept |= has_floats() * BIT_OF(FLOATS);
	if (has & BIT_OF(VECTORS)) {
		kept |= has_vector_csrs() * BIT_OF(VECTOR_CSRS);
		kept |= (has_vector(false) && has_vector(true)) * BIT_OF(VECTORS);
	}
	kept |= (csr_read(CSR_SSCRATCH) == SCRATCH_VALUE) * BIT_OF(SCRATCH);
	kept |= tagged_load_works() * BIT_OF(MASKING);
	kept |= is_locked() * BIT_OF(LOCK);
	kept |= !!*(volatile u32 *)steal_time * BIT_OF(STEAL_TIME);
	if (has & BIT_OF(TIMER))
		kept |= timer_fires() * BIT_OF(TIMER);
	GUEST_SYNC(kept);
	GUEST_DONE();
}

#endif /* SELFTEST_KVM_RISCV_ONEREG_MOVER_H */
