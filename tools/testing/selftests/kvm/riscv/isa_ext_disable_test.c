// SPDX-License-Identifier: GPL-2.0
/*
 * An extension that a VMM can switch off is gone for the guest.
 *
 * For every extension there is something the guest can try: an instruction, a
 * CSR, a bit of a page table, a call to the SBI.  It works as long as the
 * extension is on, and does not once it was switched off without an error.  What
 * could be switched off and has nothing to try fails as well: then nobody knows
 * what switching it off is good for.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>

#include "onereg_counter.h"
#include "onereg_guest.h"
#include "kselftest_harness.h"

#define PTE_PBMT_NC (1ULL << 61)
#define SECRET_WORD 0x5ec2e7c0ffee0000UL
#define VECTOR_BYTES 256
#define LOOKS 2000000

#define try(instruction, ...)						\
	asm volatile(".option push\n"					\
		     ".option norvc\n"					\
		     ".option arch, +v, +f, +d\n"			\
		     instruction "\n"					\
		     ".option pop\n"					\
		     __VA_ARGS__)

static unsigned char block[4096] __aligned(4096);
static unsigned char vectors[VECTOR_BYTES] __aligned(64);

static void enable_units(void)
{
	csr_set(CSR_SSTATUS, SR_FS | SR_VS);
}

static void try_f(void)
{
	try("fmv.w.x f10, zero");
}

static void try_d(void)
{
	try("fmv.d.x f11, zero");
}

/* The width is in a register's name, not in vtype, which is another trap. */
static void try_v(void)
{
	try("vs1r.v v7, (%0)", : : "r"(vectors) : "memory");
}

static void try_zicbom(void)
{
	/* cbo.flush (%0) */
	asm volatile(".insn i 0x0f, 2, x0, %0, 2" : : "r"(block) : "memory");
}

static void try_zicboz(void)
{
	/* cbo.zero (%0) */
	asm volatile(".insn i 0x0f, 2, x0, %0, 4" : : "r"(block) : "memory");
}

static void try_smstateen(void)
{
	asm volatile("csrr t0, 0x10c" : : : "t0");	/* sstateen0 */
}

static void try_ssaia(void)
{
	asm volatile("csrr t0, 0x150" : : : "t0");	/* siselect */
}

static void try_zkr(void)
{
	asm volatile("csrrw t0, 0x015, zero" : : : "t0");	/* seed */
}

/* A CSR of a counter that counts nothing is an illegal instruction on any host. */
static void try_zihpm(void)
{
	if (!guest_reads_hpmcounter(guest_counter()))
		traps++;
}

static void try_load(void)
{
	asm volatile(".option push\n"
		     ".option norvc\n"
		     "lb t0, 0(%0)\n"
		     ".option pop\n" : : "r"(block) : "t0");
}

static void try_feature(unsigned long feature)
{
	struct sbiret got = sbi_ecall(SBI_EXT_FWFT, FWFT_GET, feature, 0, 0, 0, 0, 0);

	traps += got.error != 0;
}

static void try_smnpm(void)
{
	try_feature(FWFT_PMLEN);
}

static void try_zicfilp(void)
{
	try_feature(FWFT_LANDING_PAD);
}

static void try_zicfiss(void)
{
	try_feature(FWFT_SHADOW_STACK);
}

static void guest_code(void (*attempt)(void))
{
	enable_units();
	traps = 0;
	attempt();
	GUEST_SYNC(traps);
	GUEST_DONE();
}

/* What the page table has to say of the page that try_load() reads. */
struct attempt {
	unsigned long ext;
	void (*guest)(void);
	u64 pte_set;
	u64 pte_clear;
};

#define EXT(name) .ext = KVM_RISCV_ISA_EXT_##name

static const struct attempt attempts[] = {
	{ EXT(F), try_f },
	{ EXT(D), try_d },
	{ EXT(V), try_v },
	{ EXT(SMNPM), try_smnpm },
	{ EXT(SMSTATEEN), try_smstateen },
	{ EXT(SSAIA), try_ssaia },
	{ EXT(SVADU), try_load, .pte_clear = PGTBL_PTE_ACCESSED_MASK },
	{ EXT(SVPBMT), try_load, .pte_set = PTE_PBMT_NC },
	{ EXT(ZICBOM), try_zicbom },
	{ EXT(ZICBOZ), try_zicboz },
	{ EXT(ZICFILP), try_zicfilp },
	{ EXT(ZICFISS), try_zicfiss },
	{ EXT(ZICNTR), try_time },
	{ EXT(ZIHPM), try_zihpm },
	{ EXT(ZKR), try_zkr },
};

static const struct attempt *attempt_at(unsigned long ext)
{
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++)
		if (attempts[i].ext == ext)
			return &attempts[i];
	return NULL;
}

static struct kvm_vcpu *new_vcpu(void)
{
	struct kvm_vcpu *vcpu;

	vm_create_with_one_vcpu(&vcpu, guest_code);
	skip_what_traps(vcpu);
	return vcpu;
}

/* The entry of the last level for an address that is mapped by small pages. */
static u64 *guest_pte(struct kvm_vm *vm, gva_t gva)
{
	gpa_t table = vm->mmu.pgd;
	u64 *entry = NULL;

	for (int level = vm->mmu.pgtable_levels - 1; level >= 0; level--) {
		u64 index = (gva >> (PGTBL_L0_INDEX_SHIFT + 9 * level)) & 0x1ff;

		entry = (u64 *)addr_gpa2hva(vm, table) + index;
		table = (*entry & PGTBL_PTE_ADDR_MASK) >> PGTBL_PTE_ADDR_SHIFT
			<< PGTBL_PAGE_SIZE_SHIFT;
	}
	return entry;
}

/* Whether the guest gets away with it. */
static bool works(struct kvm_vcpu *vcpu, const struct attempt *attempt)
{
	u64 *entry = guest_pte(vcpu->vm, (gva_t)block);
	struct ucall uc;

	*entry = (*entry & ~attempt->pte_clear) | attempt->pte_set;
	vcpu_args_set(vcpu, 1, attempt->guest);
	TEST_ASSERT_EQ(run_to_ucall(vcpu, &uc), UCALL_SYNC);
	return !uc.args[1];
}

/* The same, on a vCPU for this alone; it is left as it is after that. */
static bool works_without(const struct attempt *attempt, const unsigned long *off, int count)
{
	struct kvm_vcpu *vcpu = new_vcpu();
	bool result;

	while (count--)
		isa_ext_set(vcpu, *off++, 0);
	result = works(vcpu, attempt);
	kvm_vm_free(vcpu->vm);
	return result;
}

FIXTURE(isa_ext) {
	struct kvm_vcpu *vcpu;
};

FIXTURE_VARIANT(isa_ext) {
	unsigned long ext;
};

#define VARIANT(name)							\
	FIXTURE_VARIANT_ADD(isa_ext, name) { EXT(name) }

VARIANT(F);
VARIANT(D);
VARIANT(V);
VARIANT(SMNPM);
VARIANT(SMSTATEEN);
VARIANT(SSAIA);
VARIANT(SVADU);
VARIANT(SVPBMT);
VARIANT(ZICBOM);
VARIANT(ZICBOZ);
VARIANT(ZICFILP);
VARIANT(ZICFISS);
VARIANT(ZICNTR);
VARIANT(ZIHPM);
VARIANT(ZKR);

FIXTURE_SETUP(isa_ext)
{
	self->vcpu = new_vcpu();
	if (isa_ext_value(self->vcpu, variant->ext) != 1)
		SKIP(return, "the guest does not have it");
	if (variant->ext == KVM_RISCV_ISA_EXT_ZIHPM &&
	    onereg_value(self->vcpu, RISCV_SBI_EXT_REG(KVM_RISCV_SBI_EXT_PMU)) != 1)
		SKIP(return, "there are no counters behind it");
}

FIXTURE_TEARDOWN(isa_ext)
{
	kvm_vm_free(self->vcpu->vm);
}

TEST_F(isa_ext, works_while_it_is_on)
{
	EXPECT_TRUE(works(self->vcpu, attempt_at(variant->ext)));
}

TEST_F(isa_ext, is_gone_when_switched_off)
{
	if (isa_ext_set(self->vcpu, variant->ext, 0))
		SKIP(return, "it cannot be switched off");
	EXPECT_EQ(0, isa_ext_value(self->vcpu, variant->ext));
	EXPECT_FALSE(works(self->vcpu, attempt_at(variant->ext)));
}

TEST(whatever_can_be_switched_off_can_be_missed)
{
	struct kvm_vcpu *vcpu = __vm_vcpu_add(vm_create_barebones(), 0);

	for (unsigned long ext = 0; ext < KVM_RISCV_ISA_EXT_MAX; ext++) {
		bool goes = isa_ext_value(vcpu, ext) == 1 && !isa_ext_set(vcpu, ext, 0) &&
			    !isa_ext_value(vcpu, ext);

		EXPECT_TRUE(!goes || attempt_at(ext))
			TH_LOG("extension %lu", ext);
		if (goes)
			isa_ext_set(vcpu, ext, 1);
	}
	kvm_vm_free(vcpu->vm);
}

static bool has_time(struct kvm_vcpu *vcpu)
{
	struct ucall uc;

	TEST_ASSERT_EQ(run_to_ucall(vcpu, &uc), UCALL_SYNC);
	return !uc.args[1];
}

static void guest_looks_at_the_time(void)
{
	for (;;) {
		traps = 0;
		try_time();
		GUEST_SYNC(traps);
	}
}

/* Two guests that take turns on a processor keep what is theirs. */
TEST(time_is_gone_for_one_guest_only)
{
	struct kvm_vcpu *with = new_vcpu(), *without = new_vcpu();

	if (isa_ext_set(without, KVM_RISCV_ISA_EXT_ZICNTR, 0)) {
		kvm_vm_free(with->vm);
		kvm_vm_free(without->vm);
		SKIP(return, "it cannot be switched off");
	}
	vcpu_arch_set_entry_point(with, guest_looks_at_the_time);
	vcpu_arch_set_entry_point(without, guest_looks_at_the_time);
	for (int turn = 0; turn < 3; turn++) {
		EXPECT_TRUE(has_time(with));
		EXPECT_FALSE(has_time(without));
	}
	kvm_vm_free(with->vm);
	kvm_vm_free(without->vm);
}

/* What needs the time register itself keeps it: Sstc, which cannot be switched off. */
TEST(base_counters_go_by_strict_rules_without_sstc)
{
	struct kvm_vcpu *vcpu = new_vcpu();
	bool sstc = isa_ext_value(vcpu, KVM_RISCV_ISA_EXT_SSTC) == 1;
	int expected = rules_are_strict() && !sstc ? 0 : -EINVAL;

	EXPECT_EQ(1, isa_ext_value(vcpu, KVM_RISCV_ISA_EXT_ZICNTR));
	EXPECT_EQ(expected, isa_ext_set(vcpu, KVM_RISCV_ISA_EXT_ZICNTR, 0));
	EXPECT_EQ(!!expected, isa_ext_value(vcpu, KVM_RISCV_ISA_EXT_ZICNTR));
	kvm_vm_free(vcpu->vm);
}

/* KVM emulates cycle and instret for whom it has them, and time is the processor's. */
TEST(all_base_counters_are_gone)
{
	static const struct attempt counters[] = {
		{ EXT(ZICNTR), try_cycle }, { EXT(ZICNTR), try_time }, { EXT(ZICNTR), try_instret },
	};

	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		struct kvm_vcpu *vcpu = new_vcpu();
		bool goes = !isa_ext_set(vcpu, KVM_RISCV_ISA_EXT_ZICNTR, 0);
		bool there = works(vcpu, &counters[i]);

		kvm_vm_free(vcpu->vm);
		if (!goes)
			SKIP(return, "it cannot be switched off");
		EXPECT_FALSE(there)
			TH_LOG("counter %lu", i);
	}
}

/*
 * There is one switch for both in hardware.  Whatever a VMM asks for, what the
 * registers say is off at the end is off.
 */
static void check_floats(struct __test_metadata *_metadata, const unsigned long *off, int count)
{
	static const unsigned long both[] = { KVM_RISCV_ISA_EXT_F, KVM_RISCV_ISA_EXT_D };

	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		struct kvm_vcpu *vcpu = new_vcpu();
		bool on, fine;

		for (int k = 0; k < count; k++)
			isa_ext_set(vcpu, off[k], 0);
		fine = works(vcpu, attempt_at(both[i]));
		on = isa_ext_value(vcpu, both[i]) == 1;
		EXPECT_TRUE(on || !fine)
			TH_LOG("%s", both[i] == KVM_RISCV_ISA_EXT_F ? "F" : "D");
		kvm_vm_free(vcpu->vm);
	}
}

TEST(f_switched_off_alone)
{
	static const unsigned long off[] = { KVM_RISCV_ISA_EXT_F };

	check_floats(_metadata, off, ARRAY_SIZE(off));
}

TEST(d_switched_off_alone)
{
	static const unsigned long off[] = { KVM_RISCV_ISA_EXT_D };

	check_floats(_metadata, off, ARRAY_SIZE(off));
}

TEST(f_and_d_switched_off)
{
	static const unsigned long off[] = { KVM_RISCV_ISA_EXT_D, KVM_RISCV_ISA_EXT_F };
	static const unsigned long again[] = { KVM_RISCV_ISA_EXT_F, KVM_RISCV_ISA_EXT_D };

	check_floats(_metadata, off, ARRAY_SIZE(off));
	check_floats(_metadata, again, ARRAY_SIZE(again));
	EXPECT_FALSE(works_without(attempt_at(KVM_RISCV_ISA_EXT_F), off, ARRAY_SIZE(off)));
	EXPECT_FALSE(works_without(attempt_at(KVM_RISCV_ISA_EXT_D), off, ARRAY_SIZE(off)));
}

TEST(v_switched_off_by_letter)
{
	struct kvm_vcpu *vcpu = new_vcpu();
	unsigned long letters = onereg_value(vcpu, RISCV_CONFIG_REG(isa));
	unsigned long v = 1UL << ('v' - 'a');

	if (!(letters & v)) {
		kvm_vm_free(vcpu->vm);
		SKIP(return, "the guest does not have it");
	}
	ASSERT_EQ(0, onereg_set_ulong(vcpu, RISCV_CONFIG_REG(isa), letters & ~v));
	EXPECT_EQ(0, isa_ext_value(vcpu, KVM_RISCV_ISA_EXT_V));
	EXPECT_FALSE(works(vcpu, attempt_at(KVM_RISCV_ISA_EXT_V)));
	kvm_vm_free(vcpu->vm);
}

/* A task beside the vCPU that keeps a secret in its vector registers. */
static void *secretive(void *over)
{
	unsigned long secret[VECTOR_BYTES / sizeof(long)];

	for (size_t i = 0; i < ARRAY_SIZE(secret); i++)
		secret[i] = SECRET_WORD + i;
	while (!*(volatile bool *)over)
		asm volatile(".option push\n"
			     ".option arch, +v\n"
			     "vl1re8.v v7, (%0)\n"
			     ".option pop" : : "r"(secret) : "memory");
	return NULL;
}

/* Looks until it has seen something, cannot look, or has looked long enough. */
static void guest_looks(void)
{
	volatile unsigned long *seen = (unsigned long *)vectors;
	bool found = false;

	enable_units();
	traps = 0;
	for (unsigned long i = 0; i < LOOKS && !traps && !found; i++) {
		try_v();
		found = (*seen & ~0xffffUL) == SECRET_WORD;
	}
	GUEST_SYNC(found);
}

static void stay_on_one_processor(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	TEST_ASSERT(!sched_setaffinity(0, sizeof(one), &one), "sched_setaffinity");
}

TEST(vector_registers_of_other_tasks_stay_theirs)
{
	struct kvm_vcpu *vcpu = new_vcpu();
	bool over = false;
	pthread_t other;
	struct ucall uc;

	if (isa_ext_value(vcpu, KVM_RISCV_ISA_EXT_V) != 1) {
		kvm_vm_free(vcpu->vm);
		SKIP(return, "the host has no vectors");
	}
	ASSERT_EQ(0, isa_ext_set(vcpu, KVM_RISCV_ISA_EXT_V, 0));
	vcpu_arch_set_entry_point(vcpu, guest_looks);
	stay_on_one_processor();
	ASSERT_EQ(0, pthread_create(&other, NULL, secretive, &over));
	EXPECT_EQ(UCALL_SYNC, run_to_ucall(vcpu, &uc));
	EXPECT_EQ(0, uc.args[1]);
	over = true;
	pthread_join(other, NULL);
	kvm_vm_free(vcpu->vm);
}

TEST(config_isa_has_no_bits_beyond_the_letters)
{
	struct kvm_vcpu *vcpu = new_vcpu();
	unsigned long letters = onereg_value(vcpu, RISCV_CONFIG_REG(isa));
	int accepted = 0;

	for (int bit = 26; bit < 64; bit++)
		accepted += onereg_set_ulong(vcpu, RISCV_CONFIG_REG(isa),
					     letters | 1UL << bit) != -EINVAL;
	EXPECT_EQ(0, accepted);
	EXPECT_EQ(letters, onereg_value(vcpu, RISCV_CONFIG_REG(isa)));
	kvm_vm_free(vcpu->vm);
}

TEST_HARNESS_MAIN
