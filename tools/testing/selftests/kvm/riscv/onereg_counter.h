/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters as a guest sees them.
 */
#ifndef SELFTEST_KVM_RISCV_ONEREG_COUNTER_H
#define SELFTEST_KVM_RISCV_ONEREG_COUNTER_H

#include "processor.h"
#include "sbi.h"

/* An event of SBI's: how often the guest sets its timer. */
#define FIRMWARE_SET_TIMER (0xf << 16 | 5)

static inline unsigned long guest_pmu(unsigned long function, unsigned long mask,
				      unsigned long event)
{
	struct sbiret got = sbi_ecall(SBI_EXT_PMU, function, 0, mask, 0, event, 0, 0);

	return got.error ? 0 : got.value;
}

/* Has something counted; the number of the counter, or 0. */
static inline unsigned long guest_counter(void)
{
	unsigned long counters = guest_pmu(SBI_EXT_PMU_NUM_COUNTERS, 0, 0);

	if (!counters || counters > 64)
		return 0;
	return guest_pmu(SBI_EXT_PMU_COUNTER_CFG_MATCH, ~0UL >> (64 - counters),
			 FIRMWARE_SET_TIMER);
}

/* The number of a CSR is a part of the instruction that reads it. */
#define READ_COUNTER(n)							\
	case n:								\
		asm volatile("csrr t0, %0" : : "i"(CSR_CYCLE + (n)) : "t0"); \
		return true
#define READ_4_COUNTERS(n)						\
	READ_COUNTER(n);						\
	READ_COUNTER((n) + 1);						\
	READ_COUNTER((n) + 2);						\
	READ_COUNTER((n) + 3)

/* Whether there is such an instruction. */
static inline bool guest_reads_hpmcounter(unsigned long number)
{
	switch (number) {
	READ_COUNTER(3);
	READ_4_COUNTERS(4);
	READ_4_COUNTERS(8);
	READ_4_COUNTERS(12);
	READ_4_COUNTERS(16);
	READ_4_COUNTERS(20);
	READ_4_COUNTERS(24);
	READ_4_COUNTERS(28);
	default:
		return false;
	}
}

#endif /* SELFTEST_KVM_RISCV_ONEREG_COUNTER_H */
