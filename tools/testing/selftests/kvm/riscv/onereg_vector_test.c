// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM that may not use vector instructions itself cannot give them to a guest.
 *
 * Whether a task may use them is settled when its program starts, and it may be
 * allowed to later on.  So this program forbids it, starts itself anew, and allows
 * it where a test is about that.
 */
#include <sys/prctl.h>

#include "onereg_guest.h"
#include "kselftest_harness.h"

#ifndef PR_RISCV_V_SET_CONTROL
#define PR_RISCV_V_SET_CONTROL 69
#define PR_RISCV_V_GET_CONTROL 70
#define PR_RISCV_V_VSTATE_CTRL_OFF 1
#define PR_RISCV_V_VSTATE_CTRL_ON 2
#define PR_RISCV_V_VSTATE_CTRL_CUR_MASK 3
#endif

#define NEXT_PROGRAM(control) ((control) << 2)
#define STARTED_ANEW "ONEREG_STARTED_ANEW"
#define MOST_BYTES 256
#define V_REG(n) (KVM_REG_RISCV | KVM_REG_RISCV_VECTOR | KVM_REG_RISCV_VECTOR_REG(n))

static unsigned char pattern[MOST_BYTES], copied[MOST_BYTES];

/* Copies a block by way of a vector register. */
static void guest_code(void)
{
	unsigned long bytes = 0;

	csr_set(CSR_SSTATUS, SR_VS);
	for (int i = 0; i < MOST_BYTES; i++)
		pattern[i] = i + 1;
	traps = 0;
	asm volatile(".option push\n"
		     ".option norvc\n"
		     ".option arch, +v\n"
		     "vl1re8.v v7, (%1)\n"
		     "vs1r.v v7, (%2)\n"
		     "csrr %0, vlenb\n"
		     ".option pop\n"
		     : "+r"(bytes) : "r"(pattern), "r"(copied) : "memory");
	GUEST_SYNC_ARGS(0, traps, bytes && !memcmp(pattern, copied, bytes), 0, 0);
	GUEST_DONE();
}

static bool may_use_vectors(void)
{
	return (prctl(PR_RISCV_V_GET_CONTROL) & PR_RISCV_V_VSTATE_CTRL_CUR_MASK) ==
	       PR_RISCV_V_VSTATE_CTRL_ON;
}

static int allow_vectors(void)
{
	return prctl(PR_RISCV_V_SET_CONTROL, PR_RISCV_V_VSTATE_CTRL_ON);
}

static struct kvm_vcpu *new_vcpu(void)
{
	struct kvm_vcpu *vcpu;

	vm_create_with_one_vcpu(&vcpu, guest_code);
	skip_what_traps(vcpu);
	return vcpu;
}

static int set_v(struct kvm_vcpu *vcpu, unsigned long value)
{
	return isa_ext_set(vcpu, KVM_RISCV_ISA_EXT_V, value);
}

static long get_v(struct kvm_vcpu *vcpu)
{
	return isa_ext_value(vcpu, KVM_RISCV_ISA_EXT_V);
}

/* Vectors are forbidden as the test starts. */
FIXTURE(vmm_without_vectors) {
	struct kvm_vcpu *vcpu;
};

FIXTURE_SETUP(vmm_without_vectors)
{
	if (prctl(PR_RISCV_V_GET_CONTROL) < 0)
		SKIP(return, "the host has no vectors");
	ASSERT_FALSE(may_use_vectors());
	self->vcpu = new_vcpu();
}

FIXTURE_TEARDOWN(vmm_without_vectors)
{
	if (self->vcpu)
		kvm_vm_free(self->vcpu->vm);
}

TEST_F(vmm_without_vectors, has_a_guest_without)
{
	unsigned long letters = onereg_value(self->vcpu, RISCV_CONFIG_REG(isa));
	struct ucall uc;

	EXPECT_EQ(0, get_v(self->vcpu));
	EXPECT_FALSE(letters & 1UL << ('v' - 'a'));
	EXPECT_EQ(UCALL_SYNC, run_to_ucall(self->vcpu, &uc));
	EXPECT_EQ(3, uc.args[2]);
}

TEST_F(vmm_without_vectors, cannot_give_them)
{
	unsigned long v = 1UL << KVM_RISCV_ISA_EXT_V;
	int many = rules_are_strict() ? -EINVAL : 0;

	EXPECT_EQ(-EINVAL, set_v(self->vcpu, 1));
	EXPECT_EQ(many, onereg_set_ulong(self->vcpu, ISA_MULTI_REG(EN, 0), v));
	EXPECT_EQ(0, get_v(self->vcpu));
}

TEST_F(vmm_without_vectors, can_give_them_once_allowed)
{
	struct ucall uc;

	ASSERT_EQ(0, allow_vectors());
	ASSERT_EQ(0, set_v(self->vcpu, 1));
	EXPECT_EQ(1, get_v(self->vcpu));
	EXPECT_EQ(UCALL_SYNC, run_to_ucall(self->vcpu, &uc));
	EXPECT_EQ(0, uc.args[2]);
	EXPECT_TRUE(uc.args[3]);
}

/* No extension without what it needs: that is what strict rules are. */
TEST_F(vmm_without_vectors, has_a_strict_guest_without_what_needs_them)
{
	static const unsigned long of_v[] = { EXTENSIONS_OF_V };

	if (!rules_are_strict())
		SKIP(return, "the rules are not strict");
	for (size_t i = 0; i < ARRAY_SIZE(of_v); i++) {
		EXPECT_GE(0, isa_ext_value(self->vcpu, of_v[i]))
			TH_LOG("extension %lu", of_v[i]);
		EXPECT_NE(0, isa_ext_set(self->vcpu, of_v[i], 1))
			TH_LOG("extension %lu", of_v[i]);
	}
}

/* The id of a vector register says how long it is, which is the host's matter. */
static u64 v_register(struct kvm_vcpu *vcpu, int number)
{
	long bytes = onereg_value(vcpu, KVM_REG_RISCV | KVM_REG_RISCV_VECTOR | KVM_REG_SIZE_U64 |
				  KVM_REG_RISCV_VECTOR_CSR_REG(vlenb));

	TEST_ASSERT(bytes > 0 && bytes <= MOST_BYTES, "%ld bytes", bytes);
	return V_REG(number) | (u64)__builtin_ctzl(bytes) << KVM_REG_SIZE_SHIFT;
}

TEST_F(vmm_without_vectors, finds_none_of_what_it_wrote_after_off_and_on)
{
	static const unsigned char none[MOST_BYTES];
	unsigned char bytes[MOST_BYTES];
	struct kvm_vcpu *vcpu;

	ASSERT_EQ(0, allow_vectors());
	vcpu = new_vcpu();
	ASSERT_EQ(1, get_v(vcpu));
	memset(bytes, 0xa5, sizeof(bytes));
	ASSERT_EQ(0, onereg_set(vcpu, v_register(vcpu, 7), bytes));
	EXPECT_EQ(0, set_v(vcpu, 0));
	EXPECT_EQ(0, set_v(vcpu, 1));
	memset(bytes, 0, sizeof(bytes));
	EXPECT_EQ(0, onereg_get(vcpu, v_register(vcpu, 7), bytes));
	EXPECT_EQ(0, memcmp(bytes, none, sizeof(bytes)));
	kvm_vm_free(vcpu->vm);
}

int main(int argc, char **argv)
{
	if (may_use_vectors() && !getenv(STARTED_ANEW)) {
		setenv(STARTED_ANEW, "1", 1);
		TEST_ASSERT(!prctl(PR_RISCV_V_SET_CONTROL,
				   NEXT_PROGRAM(PR_RISCV_V_VSTATE_CTRL_OFF)), "prctl");
		execv("/proc/self/exe", argv);
		TEST_FAIL("This program cannot be started anew: %d", errno);
	}
	return test_harness_run(argc, argv);
}
