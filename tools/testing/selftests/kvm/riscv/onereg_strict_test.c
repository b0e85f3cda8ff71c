// SPDX-License-Identifier: GPL-2.0
/*
 * The strict rules, where a kernel has them: no guest has an extension without those
 * that it needs, and a write changes all that it is about or nothing.
 */
#include "onereg.h"
#include "kselftest_harness.h"

#define BIT_OF(ext) (1UL << KVM_RISCV_ISA_EXT_##ext)
#define LETTER(letter) (1UL << ((letter) - 'a'))

static void guest_code(void)
{
	GUEST_DONE();
}

/* All extensions of a vCPU, by both words. */
struct words {
	unsigned long word[2];
};

static struct words words_of(struct kvm_vcpu *vcpu)
{
	return (struct words) { {
		onereg_value(vcpu, ISA_MULTI_REG(EN, 0)),
		onereg_value(vcpu, ISA_MULTI_REG(EN, 1)),
	} };
}

static bool same(struct words one, struct words other)
{
	return one.word[0] == other.word[0] && one.word[1] == other.word[1];
}

FIXTURE(strict) {
	struct kvm_vcpu *vcpu;
	struct words before;
};

FIXTURE_SETUP(strict)
{
	if (!rules_are_strict())
		SKIP(return, "the rules are not strict");
	vm_create_with_one_vcpu(&self->vcpu, guest_code);
	self->before = words_of(self->vcpu);
}

FIXTURE_TEARDOWN(strict)
{
	if (self->vcpu)
		kvm_vm_free(self->vcpu->vm);
}

TEST_F(strict, what_needs_an_extension_goes_with_it)
{
	unsigned long gone = BIT_OF(F) | BIT_OF(D) | BIT_OF(V) | BIT_OF(ZFH) |
			     BIT_OF(ZFHMIN) | BIT_OF(ZFA) | BIT_OF(ZCD) | BIT_OF(ZVBB) |
			     BIT_OF(ZVKT) | BIT_OF(ZVFH);

	EXPECT_NE(0, self->before.word[0] & gone);
	ASSERT_EQ(0, isa_ext_set(self->vcpu, KVM_RISCV_ISA_EXT_F, 0));
	EXPECT_EQ(0, words_of(self->vcpu).word[0] & gone);
	EXPECT_TRUE(words_of(self->vcpu).word[0] & BIT_OF(ZBA));
}

TEST_F(strict, what_an_extension_needs_comes_with_it)
{
	if (!(self->before.word[0] & BIT_OF(ZVFH)))
		SKIP(return, "the host does not have Zvfh");
	ASSERT_EQ(0, isa_ext_set(self->vcpu, KVM_RISCV_ISA_EXT_F, 0));
	ASSERT_EQ(0, isa_ext_set(self->vcpu, KVM_RISCV_ISA_EXT_ZVFH, 1));
	for (size_t i = 0; i < 5; i++) {
		static const unsigned long needed[] = {
			KVM_RISCV_ISA_EXT_F, KVM_RISCV_ISA_EXT_D, KVM_RISCV_ISA_EXT_V,
			KVM_RISCV_ISA_EXT_ZFHMIN, KVM_RISCV_ISA_EXT_ZVFHMIN,
		};

		EXPECT_EQ(1, isa_ext_value(self->vcpu, needed[i]));
	}
}

TEST_F(strict, what_cannot_go_keeps_what_it_needs)
{
	if (isa_ext_value(self->vcpu, KVM_RISCV_ISA_EXT_SSCOFPMF) != 1)
		SKIP(return, "the guest does not have Sscofpmf");
	EXPECT_EQ(-EINVAL, isa_ext_set(self->vcpu, KVM_RISCV_ISA_EXT_SSAIA, 0));
	EXPECT_TRUE(same(self->before, words_of(self->vcpu)));
}

TEST_F(strict, many_at_once_are_all_or_none)
{
	u64 off = ISA_MULTI_REG(DIS, 0), on = ISA_MULTI_REG(EN, 0);
	unsigned long both = BIT_OF(ZICBOM) | BIT_OF(ZICBOZ);

	EXPECT_EQ(-EINVAL, onereg_set_ulong(self->vcpu, off, both | BIT_OF(ZBA)));
	EXPECT_TRUE(same(self->before, words_of(self->vcpu)));
	EXPECT_EQ(0, onereg_set_ulong(self->vcpu, off, both));
	EXPECT_EQ(self->before.word[0] & ~both, words_of(self->vcpu).word[0]);
	EXPECT_EQ(-EINVAL, onereg_set_ulong(self->vcpu, on, both | BIT_OF(H)));
	EXPECT_EQ(self->before.word[0] & ~both, words_of(self->vcpu).word[0]);
	EXPECT_EQ(0, onereg_set_ulong(self->vcpu, on, both));
	EXPECT_TRUE(same(self->before, words_of(self->vcpu)));
}

TEST_F(strict, letters_are_all_or_none)
{
	u64 id = RISCV_CONFIG_REG(isa);
	unsigned long letters = onereg_value(self->vcpu, id);

	EXPECT_EQ(-EINVAL, onereg_set_ulong(self->vcpu, id,
					    letters & ~(LETTER('v') | LETTER('a'))));
	EXPECT_TRUE(same(self->before, words_of(self->vcpu)));
	EXPECT_EQ(0, onereg_set_ulong(self->vcpu, id,
				      letters & ~(LETTER('v') | LETTER('d') | LETTER('f'))));
	EXPECT_EQ(0, isa_ext_value(self->vcpu, KVM_RISCV_ISA_EXT_ZFA));
}

TEST_F(strict, a_late_write_is_told_if_it_would_change_something)
{
	struct ucall uc;

	EXPECT_EQ(UCALL_DONE, run_to_ucall(self->vcpu, &uc));
	EXPECT_EQ(-EBUSY, onereg_set_ulong(self->vcpu, ISA_MULTI_REG(DIS, 0), BIT_OF(ZICBOZ)));
	EXPECT_EQ(0, onereg_set_ulong(self->vcpu, ISA_MULTI_REG(EN, 0), BIT_OF(ZICBOZ)));
	EXPECT_TRUE(same(self->before, words_of(self->vcpu)));
}

/* The rules are those that a vCPU was made with. */
TEST_F(strict, rules_do_not_change_behind_a_vcpu)
{
	struct kvm_vcpu *lax;
	const unsigned long opt_in = KVM_RISCV_ISA_EXT_ZIHPM;

	ASSERT_EQ(0, write_text(STRICT_RULES, "0"));
	lax = __vm_vcpu_add(vm_create_barebones(), 0);
	ASSERT_EQ(0, write_text(STRICT_RULES, "1"));
	EXPECT_EQ(-EINVAL, isa_ext_set(lax, opt_in, 0));
	EXPECT_EQ(0, isa_ext_set(self->vcpu, opt_in, 0));
	kvm_vm_free(lax->vm);
}

TEST_HARNESS_MAIN
