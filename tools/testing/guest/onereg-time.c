// SPDX-License-Identifier: GPL-2.0
/*
 * onereg-time
 *
 * Prints how long KVM takes for one operation at its ONE_REG interface, in
 * nanoseconds, as `figure onereg NAME VALUE`: the least of several rounds.  On a
 * machine whose clock ticks once for each instruction these are instructions.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 7
#define LOOPS 50
#define MOST_REGS 1024
#define TYPE_MASK 0xff000000ULL
#define LETTER_V (1UL << ('v' - 'a'))

#define ULONG_REG(type, number)						\
	(KVM_REG_RISCV | KVM_REG_SIZE_U64 | (uint64_t)(type) | (uint64_t)(number))
#define ISA_EXT(name)							\
	ULONG_REG(KVM_REG_RISCV_ISA_EXT | KVM_REG_RISCV_ISA_SINGLE, KVM_RISCV_ISA_EXT_##name)

struct regs {
	uint64_t n;
	uint64_t id[MOST_REGS];
};

static int kvm, vm, vcpu;
static struct regs all, extensions;
static unsigned long letters;

static void create(void)
{
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		err(1, "KVM_CREATE_VM");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0)
		err(1, "KVM_CREATE_VCPU");
}

static void destroy(void)
{
	close(vcpu);
	close(vm);
}

static int one_reg(unsigned long request, uint64_t id, void *value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };

	return ioctl(vcpu, request, &reg);
}

static void get(uint64_t id, void *value)
{
	if (one_reg(KVM_GET_ONE_REG, id, value))
		err(1, "get %#lx", id);
}

static void set(uint64_t id, unsigned long value)
{
	if (one_reg(KVM_SET_ONE_REG, id, &value))
		err(1, "set %#lx to %lu", id, value);
}

static void list_all(void)
{
	all.n = MOST_REGS;
	if (ioctl(vcpu, KVM_GET_REG_LIST, &all))
		err(1, "KVM_GET_REG_LIST");
}

/* Each of these does something once and returns how many operations that was. */

static unsigned int nothing(void)
{
	unsigned long value;

	/* There is no type 0. */
	if (!one_reg(KVM_GET_ONE_REG, ULONG_REG(0, 0), &value))
		errx(1, "a register of type 0 was read");
	return 1;
}

static unsigned int get_extension(void)
{
	unsigned long value;

	for (uint64_t i = 0; i < extensions.n; i++)
		get(extensions.id[i], &value);
	return extensions.n;
}

static unsigned int set_extension(void)
{
	set(ISA_EXT(ZICBOZ), 0);
	set(ISA_EXT(ZICBOZ), 1);
	return 2;
}

static unsigned int get_core(void)
{
	unsigned long value;

	for (unsigned int i = 0; i < 32; i++)
		get(ULONG_REG(KVM_REG_RISCV_CORE, i), &value);
	return 32;
}

static unsigned int get_all(void)
{
	unsigned char value[256];

	for (uint64_t i = 0; i < all.n; i++)
		get(all.id[i], value);
	return all.n;
}

static unsigned int get_multi(void)
{
	unsigned long value;

	for (unsigned int word = 0; word < 2; word++)
		get(ULONG_REG(KVM_REG_RISCV_ISA_EXT | KVM_REG_RISCV_ISA_MULTI_EN, word),
		    &value);
	return 2;
}

static unsigned int set_letters(void)
{
	set(ULONG_REG(KVM_REG_RISCV_CONFIG, KVM_REG_RISCV_CONFIG_REG(isa)), letters ^ LETTER_V);
	set(ULONG_REG(KVM_REG_RISCV_CONFIG, KVM_REG_RISCV_CONFIG_REG(isa)), letters);
	return 2;
}

static unsigned int list(void)
{
	list_all();
	return 1;
}

static unsigned int create_and_free(void)
{
	destroy();
	create();
	return 1;
}

static const struct {
	const char *name;
	unsigned int (*once)(void);
} measurements[] = {
	{ "no-such-register", nothing },
	{ "get-extension", get_extension },
	{ "set-extension", set_extension },
	{ "get-core", get_core },
	{ "get-every-register", get_all },
	{ "get-64-extensions", get_multi },
	{ "set-config-isa", set_letters },
	{ "list-registers", list },
	{ "create-and-free-vm", create_and_free },
};

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static double measure(unsigned int (*once)(void))
{
	double least = 0;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t started = now(), operations = 0;
		double each;

		for (int loop = 0; loop < LOOPS; loop++)
			operations += once();
		each = (double)(now() - started) / operations;
		if (!round || each < least)
			least = each;
	}
	return least;
}

static void look_around(void)
{
	list_all();
	for (uint64_t i = 0; i < all.n; i++)
		if ((all.id[i] & TYPE_MASK) == KVM_REG_RISCV_ISA_EXT)
			extensions.id[extensions.n++] = all.id[i];
	if (!extensions.n)
		errx(1, "there are no extensions");
	get(ULONG_REG(KVM_REG_RISCV_CONFIG, KVM_REG_RISCV_CONFIG_REG(isa)), &letters);
}

int main(void)
{
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		err(1, "/dev/kvm");
	create();
	look_around();
	for (size_t i = 0; i < sizeof(measurements) / sizeof(*measurements); i++)
		printf("figure onereg %s %.1f\n", measurements[i].name,
		       measure(measurements[i].once));
	destroy();
	return 0;
}
