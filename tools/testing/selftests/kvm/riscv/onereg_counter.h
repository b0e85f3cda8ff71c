/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters as a guest sees them.
 */
#ifndef SELFTEST_KVM_RISCV_ONEREG_COUNTER_H
#define SELFTEST_KVM_RISCV_ONEREG_COUNTER_H

#include "processor.h"
#include "sbi.h"

/*
 * Events of SBI's: accesses that the data or instruction TLB did not have.  They need
 * one of the counters 3 and up, which cycles and instructions do not.
 */
#define TLB_MISSES { 0x10019, 0x1001b, 0x10021 }

static inline unsigned long guest_pmu(unsigned long function, unsigned long mask,
				      unsigned long event)
{
	struct sbiret got = sbi_ecall(SBI_EXT_PMU, function, 0, mask, 0, event, 0, 0);

	return got.error ? 0 : got.value;
}

/* Has something counted; the number of the counter, or 0. */
static inline unsigned long guest_counter(void)
{
	static const unsigned int events[] = TLB_MISSES;
	unsigned long counters = guest_pmu(SBI_EXT_PMU_NUM_COUNTERS, 0, 0), number = 0;

	if (!counters || counters > 64)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(events) && !number; i++)
		number = guest_pmu(SBI_EXT_PMU_COUNTER_CFG_MATCH, ~0UL >> (64 - counters),
				   events[i]);
	return number;
}

/* Those that need no call before them. */
static inline void try_cycle(void)
{
	asm volatile("csrr t0, 0xc00" : : : "t0");	/* cycle */
}

static inline void try_time(void)
{
	asm volatile("csrr t0, 0xc01" : : : "t0");	/* time */
}

static inline void try_instret(void)
{
	asm volatile("csrr t0, 0xc02" : : : "t0");	/* instret */
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
