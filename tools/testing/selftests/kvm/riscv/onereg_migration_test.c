// SPDX-License-Identifier: GPL-2.0
/*
 * Everything that can be read of a vCPU can be written to another.
 *
 * A VMM that knows nothing of the registers but their list reads all of them and
 * writes all of them to a fresh vCPU, in the order of the list or from its end.
 * The vCPU then has the same values, and runs.
 */
#include "onereg.h"
#include "kselftest_harness.h"

#define MOST_REGS 1024
#define MOST_BYTES 256

struct state {
	struct kvm_reg_list *list;
	unsigned char value[MOST_REGS][MOST_BYTES];
};

static struct state source, copy;

/* Leaves something to find in the registers of floats and vectors. */
static void guest_code(void)
{
	csr_set(CSR_SSTATUS, SR_FS | SR_VS);
	asm volatile(".option push\n"
		     ".option arch, +d\n"
		     "fmv.d.x f3, %0\n"
		     ".option pop\n" : : "r"(0x1122334455667788UL));
	csr_write(CSR_SSCRATCH, 0x5a5a);
	GUEST_SYNC(0);
	GUEST_DONE();
}

static struct kvm_vcpu *new_vcpu(bool ran)
{
	struct kvm_vcpu *vcpu;
	struct ucall uc;

	vm_create_with_one_vcpu(&vcpu, guest_code);
	if (ran)
		TEST_ASSERT_EQ(run_to_ucall(vcpu, &uc), UCALL_SYNC);
	return vcpu;
}

/* Returns how many registers could not be read. */
static int read_all(struct kvm_vcpu *vcpu, struct state *state)
{
	int failed = 0;

	state->list = vcpu_get_reg_list(vcpu);
	TEST_ASSERT(state->list->n <= MOST_REGS, "%lld registers", state->list->n);
	memset(state->value, 0, sizeof(state->value));
	for (unsigned long i = 0; i < state->list->n; i++) {
		int err = onereg_get(vcpu, state->list->reg[i], state->value[i]);

		if (err)
			ksft_print_msg("get %llx: %d\n", state->list->reg[i], err);
		failed += !!err;
	}
	return failed;
}

/* Returns how many could not be written. */
static int write_all(struct kvm_vcpu *vcpu, const struct state *state, bool from_the_end)
{
	unsigned long n = state->list->n;
	int failed = 0;

	for (unsigned long i = 0; i < n; i++) {
		unsigned long at = from_the_end ? n - 1 - i : i;
		int err = onereg_set(vcpu, state->list->reg[at], state->value[at]);

		if (err)
			ksft_print_msg("set %llx: %d\n", state->list->reg[at], err);
		failed += !!err;
	}
	return failed;
}

/* Time goes on between two looks at it. */
static bool is_clock(u64 id)
{
	return id == RISCV_TIMER_REG(time);
}

static int differences(const struct state *one, const struct state *other)
{
	int found = one->list->n != other->list->n;

	for (unsigned long i = 0; i < one->list->n && !found; i++) {
		u64 id = one->list->reg[i];

		if (id == other->list->reg[i] &&
		    (is_clock(id) || !memcmp(one->value[i], other->value[i], MOST_BYTES)))
			continue;
		ksft_print_msg("%lx differs: %lx, then %lx\n", id,
			       *(const unsigned long *)one->value[i],
			       *(const unsigned long *)other->value[i]);
		found++;
	}
	return found;
}

FIXTURE(migration) {
	struct kvm_vcpu *from;
	struct kvm_vcpu *to;
};

FIXTURE_VARIANT(migration) {
	bool ran;
	bool from_the_end;
};

FIXTURE_VARIANT_ADD(migration, fresh_by_list) { false, false };
FIXTURE_VARIANT_ADD(migration, fresh_from_the_end) { false, true };
FIXTURE_VARIANT_ADD(migration, ran_by_list) { true, false };
FIXTURE_VARIANT_ADD(migration, ran_from_the_end) { true, true };

FIXTURE_SETUP(migration)
{
	self->from = new_vcpu(variant->ran);
	self->to = new_vcpu(false);
}

FIXTURE_TEARDOWN(migration)
{
	kvm_vm_free(self->from->vm);
	kvm_vm_free(self->to->vm);
}

TEST_F(migration, every_register_can_be_written)
{
	EXPECT_EQ(0, read_all(self->from, &source));
	EXPECT_EQ(0, write_all(self->to, &source, variant->from_the_end));
}

TEST_F(migration, values_are_the_same)
{
	read_all(self->from, &source);
	write_all(self->to, &source, variant->from_the_end);
	EXPECT_EQ(0, read_all(self->to, &copy));
	EXPECT_EQ(0, differences(&source, &copy));
}

/* With half of what can go switched off, which the list then does not have. */
TEST_F(migration, values_of_a_lesser_guest_are_the_same)
{
	static const unsigned long off[] = {
		KVM_RISCV_ISA_EXT_V, KVM_RISCV_ISA_EXT_SMNPM, KVM_RISCV_ISA_EXT_ZICBOZ,
		KVM_RISCV_ISA_EXT_SSAIA, KVM_RISCV_ISA_EXT_SMSTATEEN,
	};
	struct kvm_vcpu *lesser = new_vcpu(false);

	for (size_t i = 0; i < ARRAY_SIZE(off); i++)
		isa_ext_set(lesser, off[i], 0);
	EXPECT_EQ(0, read_all(lesser, &source));
	write_all(self->to, &source, variant->from_the_end);
	EXPECT_EQ(0, read_all(self->to, &copy));
	EXPECT_EQ(0, differences(&source, &copy));
	kvm_vm_free(lesser->vm);
}

TEST(timer_that_is_off_can_be_switched_off)
{
	struct kvm_vcpu *vcpu = new_vcpu(false);

	EXPECT_EQ(0, onereg_value(vcpu, RISCV_TIMER_REG(state)));
	EXPECT_EQ(0, onereg_set_ulong(vcpu, RISCV_TIMER_REG(state), 0));
	kvm_vm_free(vcpu->vm);
}

/* What a VMM does that resets its guest: it writes what is there already. */
TEST(same_extensions_can_be_written_after_a_run)
{
	struct kvm_vcpu *vcpu = new_vcpu(true);
	int refused = 0, changed = 0;

	for (unsigned long ext = 0; ext < KVM_RISCV_ISA_EXT_MAX; ext++) {
		long value = isa_ext_value(vcpu, ext);

		if (value < 0)
			continue;
		refused += !!isa_ext_set(vcpu, ext, value);
		changed += !isa_ext_set(vcpu, ext, !value);
	}
	EXPECT_EQ(0, refused);
	EXPECT_EQ(0, changed);
	kvm_vm_free(vcpu->vm);
}

TEST(same_sbi_extensions_can_be_written_after_a_run)
{
	struct kvm_vcpu *vcpu = new_vcpu(true);
	int refused = 0, changed = 0;

	for (unsigned long ext = 0; ext < KVM_RISCV_SBI_EXT_MAX; ext++) {
		u64 id = RISCV_SBI_EXT_REG(ext);
		long value = onereg_value(vcpu, id);

		if (value < 0)
			continue;
		refused += !!onereg_set_ulong(vcpu, id, value);
		changed += onereg_set_ulong(vcpu, id, !value) != -EBUSY;
	}
	EXPECT_EQ(0, refused);
	EXPECT_EQ(0, changed);
	kvm_vm_free(vcpu->vm);
}

TEST_HARNESS_MAIN
