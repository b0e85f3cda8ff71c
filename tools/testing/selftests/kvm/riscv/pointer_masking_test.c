// SPDX-License-Identifier: GPL-2.0
/*
 * Pointer masking from the guest's first call to the day it is taken away.
 *
 * Smnpm in the guest's ISA says that pointer masking is there, not that it is on:
 * the guest turns it on with SBI's POINTER_MASKING_PMLEN.  What takes that call
 * away, in whatever order it comes, takes pointer masking itself away too.
 * Otherwise a guest that was promised none would not survive where there is none.
 */
#include "onereg_guest.h"
#include "kselftest_harness.h"

/* What the guest tells of. */
#define REPORT 1
#define ASKED 2

static void guest_reports(void)
{
	struct sbiret pmlen = sbi_ecall(SBI_EXT_FWFT, FWFT_GET, FWFT_PMLEN, 0, 0, 0, 0, 0);

	GUEST_SYNC_ARGS(REPORT, tagged_load_works(), pmlen.error, pmlen.value, 0);
}

/* Reports, asks for a length if it is told to, and reports for ever. */
static void guest_code(unsigned long pmlen, unsigned long flags)
{
	guest_reports();
	if (pmlen)
		GUEST_SYNC_ARGS(ASKED, guest_masks(pmlen, flags), 0, 0, 0);
	for (;;)
		guest_reports();
}

/* What the guest said last. */
struct report {
	bool masked;
	long error;
	unsigned long pmlen;
};

/* A guest that has pointer masking, or one that the test is to be skipped for. */
static struct kvm_vcpu *new_vcpu(void)
{
	struct kvm_vcpu *vcpu;

	vm_create_with_one_vcpu(&vcpu, guest_code);
	skip_what_traps(vcpu);
	vcpu_args_set(vcpu, 2, 0UL, 0UL);
	return vcpu;
}

static bool has_pointer_masking(struct kvm_vcpu *vcpu)
{
	return isa_ext_value(vcpu, KVM_RISCV_ISA_EXT_SMNPM) == 1 &&
	       onereg_value(vcpu, FWFT_REG(pointer_masking.enable)) == 1;
}

FIXTURE(pointer_masking) {
	struct kvm_vcpu *vcpu;
};

FIXTURE_SETUP(pointer_masking)
{
	self->vcpu = new_vcpu();
	if (!has_pointer_masking(self->vcpu))
		SKIP(return, "the host has no pointer masking for guests");
}

FIXTURE_TEARDOWN(pointer_masking)
{
	kvm_vm_free(self->vcpu->vm);
}

static struct report report_of(struct kvm_vcpu *vcpu)
{
	struct ucall uc;

	TEST_ASSERT_EQ(run_to_ucall(vcpu, &uc), UCALL_SYNC);
	TEST_ASSERT_EQ(uc.args[1], REPORT);
	return (struct report) { uc.args[2], uc.args[3], uc.args[4] };
}

/* What the guest's own call for a length came back with. */
static long set_of(struct kvm_vcpu *vcpu)
{
	struct ucall uc;

	TEST_ASSERT_EQ(run_to_ucall(vcpu, &uc), UCALL_SYNC);
	TEST_ASSERT_EQ(uc.args[1], ASKED);
	return uc.args[2];
}

/* Lets the guest ask for a length, and returns what came of it. */
static long ask_for(struct kvm_vcpu *vcpu, unsigned long pmlen)
{
	vcpu_args_set(vcpu, 2, pmlen, 0UL);
	report_of(vcpu);
	return set_of(vcpu);
}

/* What a VMM can take away and give back, and the letters that stand for it in an order. */
static int give_or_take(struct kvm_vcpu *vcpu, char what, unsigned long value)
{
	switch (what) {
	case 'i':
		return isa_ext_set(vcpu, KVM_RISCV_ISA_EXT_SMNPM, value);
	case 'f':
		return onereg_set_ulong(vcpu, FWFT_REG(pointer_masking.enable), value);
	default:
		return onereg_set_ulong(vcpu, RISCV_SBI_EXT_REG(KVM_RISCV_SBI_EXT_FWFT), value);
	}
}

static int take(struct kvm_vcpu *vcpu, char what)
{
	return give_or_take(vcpu, what, 0);
}

TEST_F(pointer_masking, is_off_until_the_guest_asks)
{
	struct report first = report_of(self->vcpu);

	EXPECT_FALSE(first.masked);
	EXPECT_EQ(0, first.error);
	EXPECT_EQ(0, first.pmlen);
}

TEST_F(pointer_masking, is_on_once_the_guest_asked)
{
	struct report then;

	EXPECT_EQ(0, ask_for(self->vcpu, 7));
	then = report_of(self->vcpu);
	EXPECT_TRUE(then.masked);
	EXPECT_EQ(7, then.pmlen);
}

TEST_F(pointer_masking, has_no_other_lengths)
{
	struct report then;

	EXPECT_EQ(SBI_ERR_INVALID_PARAM, ask_for(self->vcpu, 5));
	then = report_of(self->vcpu);
	EXPECT_FALSE(then.masked);
	EXPECT_EQ(0, then.pmlen);
}

TEST_F(pointer_masking, cannot_be_asked_for_once_locked)
{
	EXPECT_EQ(0, onereg_set_ulong(self->vcpu, FWFT_REG(pointer_masking.flags), 1));
	vcpu_args_set(self->vcpu, 2, 7UL, 0UL);
	EXPECT_EQ(0, report_of(self->vcpu).error);
	EXPECT_EQ(SBI_ERR_DENIED_LOCKED, set_of(self->vcpu));
	EXPECT_FALSE(report_of(self->vcpu).masked);
}

TEST_F(pointer_masking, can_be_restored_by_the_vmm)
{
	struct report first;

	EXPECT_EQ(0, onereg_set_ulong(self->vcpu, FWFT_REG(pointer_masking.value), 7));
	first = report_of(self->vcpu);
	EXPECT_TRUE(first.masked);
	EXPECT_EQ(7, first.pmlen);
}

TEST_F(pointer_masking, ends_when_the_vmm_takes_it_from_a_running_guest)
{
	struct report then;

	ASSERT_EQ(0, ask_for(self->vcpu, 7));
	ASSERT_EQ(0, take(self->vcpu, 'f'));
	then = report_of(self->vcpu);
	EXPECT_FALSE(then.masked);
	EXPECT_EQ(SBI_ERR_NOT_SUPPORTED, then.error);
}

/* Pointer masking is on, and its ground is taken away and given back: it is off. */
static void check_off_and_on(struct __test_metadata *_metadata, struct kvm_vcpu *vcpu, char what)
{
	struct report first;

	ASSERT_EQ(0, onereg_set_ulong(vcpu, FWFT_REG(pointer_masking.value), 7));
	ASSERT_EQ(0, give_or_take(vcpu, what, 0));
	ASSERT_EQ(0, give_or_take(vcpu, what, 1));
	first = report_of(vcpu);
	EXPECT_FALSE(first.masked);
	EXPECT_EQ(0, first.error);
	EXPECT_EQ(0, first.pmlen);
}

TEST_F(pointer_masking, is_off_again_after_off_and_on)
{
	check_off_and_on(_metadata, self->vcpu, 'f');
}

TEST_F(pointer_masking, is_off_again_after_isa_off_and_on)
{
	check_off_and_on(_metadata, self->vcpu, 'i');
}

TEST_F(pointer_masking, is_off_again_after_sbi_off_and_on)
{
	check_off_and_on(_metadata, self->vcpu, 's');
}

TEST_F(pointer_masking, cannot_be_restored_where_it_was_taken)
{
	struct report first;

	ASSERT_EQ(0, take(self->vcpu, 'f'));
	onereg_set_ulong(self->vcpu, FWFT_REG(pointer_masking.value), 7);
	first = report_of(self->vcpu);
	EXPECT_FALSE(first.masked);
	EXPECT_EQ(SBI_ERR_NOT_SUPPORTED, first.error);
}

/* All orders of the three ways, and of fewer of them. */
FIXTURE(pointer_masking_taken) {
	struct kvm_vcpu *vcpu;
};

FIXTURE_VARIANT(pointer_masking_taken) {
	const char *order;
};

#define ORDER(name, letters)						\
	FIXTURE_VARIANT_ADD(pointer_masking_taken, name) { .order = letters }

ORDER(isa, "i");
ORDER(feature, "f");
ORDER(sbi, "s");
ORDER(isa_feature, "if");
ORDER(isa_sbi, "is");
ORDER(feature_isa, "fi");
ORDER(feature_sbi, "fs");
ORDER(sbi_isa, "si");
ORDER(sbi_feature, "sf");
ORDER(isa_feature_sbi, "ifs");
ORDER(isa_sbi_feature, "isf");
ORDER(feature_isa_sbi, "fis");
ORDER(feature_sbi_isa, "fsi");
ORDER(sbi_isa_feature, "sif");
ORDER(sbi_feature_isa, "sfi");

FIXTURE_SETUP(pointer_masking_taken)
{
	self->vcpu = new_vcpu();
	if (!has_pointer_masking(self->vcpu))
		SKIP(return, "the host has no pointer masking for guests");
}

FIXTURE_TEARDOWN(pointer_masking_taken)
{
	kvm_vm_free(self->vcpu->vm);
}

TEST_F(pointer_masking_taken, ends)
{
	struct report first;

	ASSERT_EQ(0, onereg_set_ulong(self->vcpu, FWFT_REG(pointer_masking.value), 7));
	for (const char *what = variant->order; *what; what++) {
		int err = take(self->vcpu, *what);

		/* What hangs on something that is gone is gone too. */
		EXPECT_TRUE(!err || (what != variant->order &&
				     (err == -ENOENT || err == -EINVAL)));
	}
	first = report_of(self->vcpu);
	EXPECT_FALSE(first.masked);
	EXPECT_EQ(SBI_ERR_NOT_SUPPORTED, first.error);
}

TEST_HARNESS_MAIN
