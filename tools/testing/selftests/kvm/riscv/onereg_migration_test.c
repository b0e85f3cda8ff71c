// SPDX-License-Identifier: GPL-2.0
/*
 * Everything that can be read of a vCPU can be written to another.
 *
 * A VMM that knows nothing of the registers but their list reads all of them and
 * writes all of them to a fresh vCPU, in the order of the list or from its end.
 * The vCPU then has the same values, and its guest goes on where the other one was,
 * with all that it had.
 */
#include <linux/hashtable.h>

#include "onereg_mover.h"
#include "kselftest_harness.h"

#define MOST_REGS 1024
#define MOST_BYTES 256

struct state {
	struct kvm_reg_list *list;
	unsigned char value[MOST_REGS][MOST_BYTES];
};

static struct state source, copy;

/* Leaves something to find in a register of floats. */
static void guest_code(void)
{
	csr_set(CSR_SSTATUS, SR_FS);
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

/* Returns how many could not be written, apart from those that may be refused. */
static int write_all_but(struct kvm_vcpu *vcpu, const struct state *state, bool from_the_end,
			 bool (*may_be_refused)(u64 id))
{
	unsigned long n = state->list->n;
	int failed = 0;

	for (unsigned long i = 0; i < n; i++) {
		unsigned long at = from_the_end ? n - 1 - i : i;
		int err = onereg_set(vcpu, state->list->reg[at], state->value[at]);

		if (err && may_be_refused && may_be_refused(state->list->reg[at]))
			continue;
		if (err)
			ksft_print_msg("set %llx: %d\n", state->list->reg[at], err);
		failed += !!err;
	}
	return failed;
}

static int write_all(struct kvm_vcpu *vcpu, const struct state *state, bool from_the_end)
{
	return write_all_but(vcpu, state, from_the_end, NULL);
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

/* Half of what can go is switched off, and the list does not have its registers. */
static struct kvm_vcpu *new_lesser_vcpu(void)
{
	static const unsigned long off[] = {
		KVM_RISCV_ISA_EXT_V, KVM_RISCV_ISA_EXT_SMNPM, KVM_RISCV_ISA_EXT_ZICBOZ,
		KVM_RISCV_ISA_EXT_SSAIA, KVM_RISCV_ISA_EXT_SMSTATEEN,
	};
	struct kvm_vcpu *lesser = new_vcpu(false);

	for (size_t i = 0; i < ARRAY_SIZE(off); i++)
		isa_ext_set(lesser, off[i], 0);
	return lesser;
}

/* By the strict rules these go with V, which comes only then where the end comes first. */
static bool is_of_v(u64 id)
{
	static const unsigned long of_v[] = { EXTENSIONS_OF_V };

	for (size_t i = 0; i < ARRAY_SIZE(of_v); i++)
		if (id == RISCV_ISA_EXT_REG(of_v[i]))
			return true;
	return false;
}

TEST_F(migration, every_register_of_a_lesser_guest_can_be_written)
{
	bool v_comes_late = rules_are_strict() && variant->from_the_end;
	struct kvm_vcpu *lesser = new_lesser_vcpu();

	EXPECT_EQ(0, read_all(lesser, &source));
	EXPECT_EQ(0, write_all_but(self->to, &source, variant->from_the_end,
				   v_comes_late ? is_of_v : NULL));
	kvm_vm_free(lesser->vm);
}

TEST_F(migration, values_of_a_lesser_guest_are_the_same)
{
	struct kvm_vcpu *lesser = new_lesser_vcpu();

	EXPECT_EQ(0, read_all(lesser, &source));
	write_all(self->to, &source, variant->from_the_end);
	EXPECT_EQ(0, read_all(self->to, &copy));
	EXPECT_EQ(0, differences(&source, &copy));
	kvm_vm_free(lesser->vm);
}

static unsigned long things_of(struct kvm_vcpu *vcpu)
{
	unsigned long has = BIT_OF(FLOATS) | BIT_OF(SCRATCH) | BIT_OF(TIMER);

	if (isa_ext_value(vcpu, KVM_RISCV_ISA_EXT_V) == 1)
		has |= BIT_OF(VECTORS) | BIT_OF(VECTOR_CSRS);
	if (isa_ext_value(vcpu, KVM_RISCV_ISA_EXT_SMNPM) == 1 &&
	    onereg_value(vcpu, FWFT_REG(pointer_masking.enable)) == 1)
		has |= BIT_OF(MASKING) | BIT_OF(LOCK);
	if (onereg_value(vcpu, RISCV_SBI_EXT_REG(KVM_RISCV_SBI_EXT_STA)) == 1)
		has |= BIT_OF(STEAL_TIME);
	return has;
}

/* A vCPU of another VM that was told nothing but where its memory is, which is shared. */
static struct kvm_vcpu *new_vcpu_with_memory_of(struct kvm_vm *vm)
{
	struct kvm_vm *to = vm_create_barebones();
	struct userspace_mem_region *region;
	int bucket;

	hash_for_each(vm->regions.slot_hash, bucket, region, slot_node)
		vm_set_user_memory_region(to, region->region.slot, 0,
					  region->region.guest_phys_addr,
					  region->region.memory_size,
					  (void *)region->region.userspace_addr);
	return __vm_vcpu_add(to, 0);
}

static u64 *value_in(struct state *state, u64 id)
{
	for (unsigned long i = 0; i < state->list->n; i++)
		if (state->list->reg[i] == id)
			return (u64 *)state->value[i];
	TEST_FAIL("There is no %lx in the list", id);
	return NULL;
}

/* As if it had been under way until shortly before its timer has to fire. */
static void let_time_pass(struct state *state)
{
	*value_in(state, RISCV_TIMER_REG(time)) =
		*value_in(state, RISCV_TIMER_REG(compare)) - SOON;
}

FIXTURE(guest) {
	struct kvm_vcpu *from;
	struct kvm_vcpu *to;
	unsigned long has;
};

FIXTURE_VARIANT(guest) {
	bool from_the_end;
};

FIXTURE_VARIANT_ADD(guest, by_list) { false };
FIXTURE_VARIANT_ADD(guest, from_the_end) { true };

FIXTURE_SETUP(guest)
{
	struct kvm_vm *vm = vm_create_with_one_vcpu(&self->from, guest_that_moves);
	struct ucall uc;

	skip_what_traps(self->from);
	vm_install_interrupt_handler(vm, timer_fired);
	self->has = things_of(self->from);
	/* A timer that KVM runs itself is armed for the time that comes before its state. */
	if (variant->from_the_end && isa_ext_value(self->from, KVM_RISCV_ISA_EXT_SSTC) != 1)
		self->has &= ~BIT_OF(TIMER);
	vcpu_args_set(self->from, 2, self->has, addr_gva2gpa(vm, (gva_t)steal_time));
	ASSERT_EQ(UCALL_SYNC, run_to_ucall(self->from, &uc));
	ASSERT_EQ(0, uc.args[1]);
	self->to = new_vcpu_with_memory_of(vm);
}

FIXTURE_TEARDOWN(guest)
{
	kvm_vm_free(self->to->vm);
	kvm_vm_free(self->from->vm);
}

/* Returns what the guest still has on the other vCPU. */
static unsigned long move(FIXTURE_DATA(guest) *self, bool from_the_end)
{
	struct ucall uc;
	unsigned long kept;

	read_all(self->from, &source);
	let_time_pass(&source);
	write_all(self->to, &source, from_the_end);
	/* Who reports stolen time writes here, as the first thing when the guest runs. */
	memset(addr_gva2hva(self->from->vm, (gva_t)steal_time), 0, sizeof(steal_time));
	TEST_ASSERT_EQ(run_to_ucall(self->to, &uc), UCALL_SYNC);
	kept = uc.args[1];
	TEST_ASSERT_EQ(run_to_ucall(self->to, &uc), UCALL_DONE);
	return kept;
}

TEST_F(guest, goes_on_with_all_it_had)
{
	unsigned long kept = move(self, variant->from_the_end);

	for (enum thing thing = 0; thing < THINGS; thing++) {
		EXPECT_TRUE(thing == STEAL_TIME || !(self->has & ~kept & BIT_OF(thing)))
			TH_LOG("%s", names[thing]);
	}
}

TEST_F(guest, is_still_told_of_stolen_time)
{
	if (!(self->has & BIT_OF(STEAL_TIME)))
		SKIP(return, "the host does not tell guests of stolen time");
	EXPECT_TRUE(move(self, variant->from_the_end) & BIT_OF(STEAL_TIME));
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

/* Many of them at once: what is there already is taken, and all else comes too late. */
TEST(same_sbi_words_can_be_written_after_a_run)
{
	struct kvm_vcpu *vcpu = new_vcpu(true);
	unsigned long on = onereg_value(vcpu, SBI_MULTI_REG(EN));
	unsigned long known = 0;

	for (unsigned long ext = 0; ext < KVM_RISCV_SBI_EXT_MAX; ext++)
		known |= (onereg_value(vcpu, RISCV_SBI_EXT_REG(ext)) >= 0) * BIT_OF(ext);
	ASSERT_NE(0, on);
	ASSERT_NE(on, known);
	EXPECT_EQ(0, onereg_set_ulong(vcpu, SBI_MULTI_REG(EN), on));
	EXPECT_EQ(0, onereg_set_ulong(vcpu, SBI_MULTI_REG(DIS), ~on));
	EXPECT_EQ(-EBUSY, onereg_set_ulong(vcpu, SBI_MULTI_REG(EN), known));
	EXPECT_EQ(-EBUSY, onereg_set_ulong(vcpu, SBI_MULTI_REG(DIS), known));
	EXPECT_EQ(on, onereg_value(vcpu, SBI_MULTI_REG(EN)));
	kvm_vm_free(vcpu->vm);
}

TEST_HARNESS_MAIN
