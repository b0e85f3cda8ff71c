// SPDX-License-Identifier: GPL-2.0
/*
 * Writes down how this kernel answers at the ONE_REG interface: one line for each
 * thing that can be asked, with nothing in it that differs from run to run.
 *
 * It judges nothing.  Two implementations have the same ABI where what this
 * program says of them is the same.
 *
 * With "brief" it leaves out the ids that stand for nothing, which are most calls.
 */
#include "onereg.h"

#define SIZES 9
#define BAD_ADDRESS ((void *)16)

static const unsigned long numbers[] = { 0, 1, 2, 0x1f, 0x20, 0x40, 0x7f, 0xffff };

static void guest_code(void)
{
	GUEST_DONE();
}

static struct kvm_vcpu *new_vcpu(void)
{
	return __vm_vcpu_add(vm_create_barebones(), 0);
}

static struct kvm_vcpu *new_vcpu_that_ran(void)
{
	struct kvm_vcpu *vcpu;
	struct ucall uc;

	vm_create_with_one_vcpu(&vcpu, guest_code);
	TEST_ASSERT_EQ(run_to_ucall(vcpu, &uc), UCALL_DONE);
	return vcpu;
}

static void drop(struct kvm_vcpu *vcpu)
{
	kvm_vm_free(vcpu->vm);
}

/* Time goes on, and this is the one register that says so. */
static bool is_clock(u64 id)
{
	return id == RISCV_TIMER_REG(time);
}

static u64 sized(unsigned long log_size)
{
	return (u64)log_size << KVM_REG_SIZE_SHIFT;
}

/* One thing at a time: the order in which arguments are worked out is nobody's. */
static void say_value(struct kvm_vcpu *vcpu, u64 id)
{
	printf(" is %lx", onereg_value(vcpu, id));
}

static void say_set(struct kvm_vcpu *vcpu, u64 id, unsigned long value)
{
	printf(" set %lx %d", value, onereg_set_ulong(vcpu, id, value));
}

/* What is on, by both words of the extensions, behind whatever was just done. */
static void say_words(struct kvm_vcpu *vcpu)
{
	printf(" on");
	say_value(vcpu, ISA_MULTI_REG(EN, 0));
	say_value(vcpu, ISA_MULTI_REG(EN, 1));
	printf("\n");
}

static void print_bytes(const unsigned char *bytes, size_t length)
{
	while (length--)
		printf("%02x", bytes[length]);
}

static void list(void)
{
	struct kvm_vcpu *vcpu = new_vcpu();
	struct kvm_reg_list *regs = vcpu_get_reg_list(vcpu);
	struct kvm_reg_list none = { .n = 0 };
	unsigned char value[256];
	int err;

	err = __vcpu_ioctl(vcpu, KVM_GET_REG_LIST, &none) ? -errno : 0;
	printf("list of none: %d wants %lld\n", err, none.n);
	for (unsigned long i = 0; i < regs->n; i++) {
		u64 id = regs->reg[i];

		memset(value, 0, sizeof(value));
		printf("list %lu %lx: %d ", i, id, onereg_get(vcpu, id, value));
		if (!is_clock(id))
			print_bytes(value, KVM_REG_SIZE(id));
		printf(" nowhere %d", onereg_get(vcpu, id, BAD_ADDRESS));
		printf(" %d\n", onereg_set(vcpu, id, BAD_ADDRESS));
	}
	free(regs);
	drop(vcpu);
}

/* The list with something switched off: how long, and which. */
static void shorter_list(const char *name, u64 off)
{
	struct kvm_vcpu *vcpu = new_vcpu();
	int err = onereg_set_ulong(vcpu, off, 0);
	struct kvm_reg_list *regs = vcpu_get_reg_list(vcpu);
	u64 hash = 0;

	for (unsigned long i = 0; i < regs->n; i++)
		hash = hash * 31 + regs->reg[i];
	printf("list without %s: %d has %lld hash %lx\n", name, err, regs->n, hash);
	free(regs);
	drop(vcpu);
}

static void single(struct kvm_vcpu *vcpu, const char *when, unsigned long ext)
{
	u64 id = RISCV_ISA_EXT_REG(ext);
	long before = onereg_value(vcpu, id);

	printf("%s %lu: %ld", when, ext, before);
	for (unsigned long value = 0; value < 3; value++) {
		say_set(vcpu, id, value);
		say_value(vcpu, id);
	}
	say_set(vcpu, id, ~0UL);
	say_set(vcpu, id, before == 1);
	say_words(vcpu);
}

static void singles(const char *when, struct kvm_vcpu *vcpu)
{
	for (unsigned long ext = 0; ext < KVM_RISCV_ISA_EXT_MAX + 4; ext++)
		single(vcpu, when, ext);
	single(vcpu, when, 127);
	single(vcpu, when, 128);
	single(vcpu, when, 0xffff);
	drop(vcpu);
}

/* Each extension off alone: what else goes with it. */
static void each_alone(void)
{
	struct kvm_vcpu *vcpu = new_vcpu();
	unsigned long first = onereg_value(vcpu, ISA_MULTI_REG(EN, 0));
	unsigned long second = onereg_value(vcpu, ISA_MULTI_REG(EN, 1));

	for (unsigned long ext = 0; ext < KVM_RISCV_ISA_EXT_MAX; ext++) {
		printf("alone %lu:", ext);
		say_set(vcpu, RISCV_ISA_EXT_REG(ext), 0);
		say_words(vcpu);
		onereg_set_ulong(vcpu, ISA_MULTI_REG(EN, 0), first);
		onereg_set_ulong(vcpu, ISA_MULTI_REG(EN, 1), second);
	}
	drop(vcpu);
}

static void multi_set(struct kvm_vcpu *vcpu, const char *when, const char *what, u64 id,
		      unsigned long value)
{
	printf("%s %s %lx", when, what, id);
	say_set(vcpu, id, value);
	say_words(vcpu);
}

static void multi(const char *when, struct kvm_vcpu *vcpu)
{
	static const unsigned long values[] = { 0, ~0UL, 0x5555555555555555, 0xaaaaaaaaaaaaaaaa };
	static const unsigned long words[] = { 0, 1, 2, 3, 1023, 0xffff };

	for (size_t w = 0; w < ARRAY_SIZE(words); w++) {
		u64 on = ISA_MULTI_REG(EN, words[w]), off = ISA_MULTI_REG(DIS, words[w]);

		printf("%s %lu", when, words[w]);
		say_value(vcpu, on);
		say_value(vcpu, off);
		printf("\n");
		for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
			multi_set(vcpu, when, "off", off, values[v]);
			multi_set(vcpu, when, "on", on, values[v]);
		}
	}
	drop(vcpu);
}

static void config_isa_value(struct kvm_vcpu *vcpu, const char *when, unsigned long value)
{
	u64 id = RISCV_CONFIG_REG(isa);
	unsigned long before = onereg_value(vcpu, id);

	printf("%s isa", when);
	say_set(vcpu, id, value);
	say_value(vcpu, id);
	say_set(vcpu, id, before);
	say_words(vcpu);
}

static void config_isa(const char *when, struct kvm_vcpu *vcpu)
{
	unsigned long before = onereg_value(vcpu, RISCV_CONFIG_REG(isa));

	config_isa_value(vcpu, when, before);
	config_isa_value(vcpu, when, 0);
	config_isa_value(vcpu, when, ~0UL);
	for (int bit = 0; bit < 64; bit++)
		config_isa_value(vcpu, when, before ^ (1UL << bit));
	drop(vcpu);
}

/* One register of a class: the same value, nothing, the next value. */
static void change(struct kvm_vcpu *vcpu, const char *when, u64 id)
{
	unsigned long before = onereg_value(vcpu, id);

	printf("%s %lx: %lx", when, id, before);
	say_set(vcpu, id, before);
	say_set(vcpu, id, 0);
	say_value(vcpu, id);
	say_set(vcpu, id, before + 1);
	say_value(vcpu, id);
	say_set(vcpu, id, before);
	printf("\n");
}

static void changes(const char *when, u64 type, u64 subtype, unsigned int count,
		    struct kvm_vcpu *vcpu)
{
	/* The first of CONFIG has 64 lines of its own. */
	for (unsigned int i = type == KVM_REG_RISCV_CONFIG; i < count; i++)
		change(vcpu, when, __kvm_reg_id(type, subtype, i, KVM_REG_SIZE_ULONG));
	drop(vcpu);
}

static void fwft_values(void)
{
	static const unsigned long values[] = { 0, 1, 2, 5, 7, 8, 16, 17, ~0UL };
	struct kvm_vcpu *vcpu = new_vcpu();

	for (unsigned int i = 0; i < 18; i++) {
		u64 id = __kvm_reg_id(KVM_REG_RISCV_SBI_STATE, KVM_REG_RISCV_SBI_FWFT, i,
				      KVM_REG_SIZE_ULONG);

		printf("fwft %u:", i);
		say_value(vcpu, id);
		for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
			say_set(vcpu, id, values[v]);
			say_value(vcpu, id);
		}
		printf("\n");
		/* The vCPU is to stay what a fresh one is. */
		onereg_set_ulong(vcpu, id, i % 3 == 0);
	}
	drop(vcpu);
}

static void timer(void)
{
	u64 state = RISCV_TIMER_REG(state);
	struct kvm_vcpu *vcpu = new_vcpu();

	printf("timer");
	say_value(vcpu, RISCV_TIMER_REG(frequency));
	say_set(vcpu, RISCV_TIMER_REG(frequency), 1);
	say_value(vcpu, RISCV_TIMER_REG(compare));
	for (unsigned long value = 0; value < 3; value++) {
		say_value(vcpu, state);
		say_set(vcpu, state, value);
	}
	say_set(vcpu, state, 0);
	say_value(vcpu, state);
	printf("\n");
	drop(vcpu);
}

/* Ids of every type, subtype and size, most of which nothing stands behind. */
static void shapes_of(struct kvm_vcpu *vcpu, u64 type, u64 subtype, unsigned long log_size)
{
	u64 base = __kvm_reg_id(type << KVM_REG_RISCV_TYPE_SHIFT,
				subtype << KVM_REG_RISCV_SUBTYPE_SHIFT, 0, sized(log_size));
	unsigned char value[256] = { 0 };

	printf("shape %lu.%lu size %lu get", type, subtype, log_size);
	for (size_t n = 0; n < ARRAY_SIZE(numbers); n++)
		printf(" %d", onereg_get(vcpu, base | numbers[n], value));
	printf(" set");
	memset(value, 0, sizeof(value));
	for (size_t n = 0; n < ARRAY_SIZE(numbers); n++)
		printf(" %d", onereg_set(vcpu, base | numbers[n], value));
	printf("\n");
}

static void shapes(void)
{
	for (u64 type = 0; type < 13; type++) {
		struct kvm_vcpu *vcpu = new_vcpu();

		for (u64 subtype = 0; subtype < 5; subtype++)
			for (unsigned long log_size = 0; log_size < SIZES; log_size++)
				shapes_of(vcpu, type, subtype, log_size);
		drop(vcpu);
	}
}

static void odd_bit(struct kvm_vcpu *vcpu, u64 id)
{
	unsigned char value[256] = { 1 };

	printf(" id %lx %d", id, onereg_get(vcpu, id, value));
	memset(value, 0, sizeof(value));
	value[0] = 1;
	printf(" %d", onereg_set(vcpu, id, value));
}

/* The bits of an id that no register uses, each alone. */
static void odd_bits(void)
{
	struct kvm_vcpu *vcpu = new_vcpu();

	for (int bit = 0; bit < 64; bit++) {
		printf("bit %d:", bit);
		odd_bit(vcpu, RISCV_ISA_EXT_REG(KVM_RISCV_ISA_EXT_ZICBOZ) ^ (1ULL << bit));
		odd_bit(vcpu, RISCV_CORE_REG(regs.a0) ^ (1ULL << bit));
		say_words(vcpu);
	}
	drop(vcpu);
}

static void lists(void)
{
	list();
	shorter_list("d", RISCV_ISA_EXT_REG(KVM_RISCV_ISA_EXT_D));
	shorter_list("f", RISCV_ISA_EXT_REG(KVM_RISCV_ISA_EXT_F));
	shorter_list("v", RISCV_ISA_EXT_REG(KVM_RISCV_ISA_EXT_V));
	shorter_list("ssaia", RISCV_ISA_EXT_REG(KVM_RISCV_ISA_EXT_SSAIA));
	shorter_list("smstateen", RISCV_ISA_EXT_REG(KVM_RISCV_ISA_EXT_SMSTATEEN));
	shorter_list("smnpm", RISCV_ISA_EXT_REG(KVM_RISCV_ISA_EXT_SMNPM));
	shorter_list("sbi fwft", RISCV_SBI_EXT_REG(KVM_RISCV_SBI_EXT_FWFT));
	shorter_list("sbi sta", RISCV_SBI_EXT_REG(KVM_RISCV_SBI_EXT_STA));
}

int main(int argc, char **argv)
{
	bool brief = argc > 1 && !strcmp(argv[1], "brief");

	lists();
	singles("single", new_vcpu());
	singles("ran single", new_vcpu_that_ran());
	each_alone();
	multi("multi", new_vcpu());
	multi("ran multi", new_vcpu_that_ran());
	config_isa("config", new_vcpu());
	config_isa("ran config", new_vcpu_that_ran());
	changes("config", KVM_REG_RISCV_CONFIG, 0, 12, new_vcpu());
	changes("ran config", KVM_REG_RISCV_CONFIG, 0, 12, new_vcpu_that_ran());
	changes("core", KVM_REG_RISCV_CORE, 0, 36, new_vcpu());
	for (u64 subtype = 0; subtype < 4; subtype++)
		changes("csr", KVM_REG_RISCV_CSR, subtype << KVM_REG_RISCV_SUBTYPE_SHIFT, 14,
			new_vcpu());
	changes("sbi", KVM_REG_RISCV_SBI_EXT, KVM_REG_RISCV_SBI_SINGLE,
		KVM_RISCV_SBI_EXT_MAX + 2, new_vcpu());
	changes("ran sbi", KVM_REG_RISCV_SBI_EXT, KVM_REG_RISCV_SBI_SINGLE,
		KVM_RISCV_SBI_EXT_MAX + 2, new_vcpu_that_ran());
	changes("sbi multi", KVM_REG_RISCV_SBI_EXT, KVM_REG_RISCV_SBI_MULTI_EN, 3, new_vcpu());
	changes("sta", KVM_REG_RISCV_SBI_STATE, KVM_REG_RISCV_SBI_STA, 4, new_vcpu());
	timer();
	fwft_values();
	if (!brief)
		shapes();
	odd_bits();
	return 0;
}
