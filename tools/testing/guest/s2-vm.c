// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "s2-vm.h"

#define MEMORY_SIZE	0x200000
#define ENTRY		0x800		/* behind the vectors */
#define STAGE1		0x10000
#define STAGE2		0x20000

/* Descriptors of blocks. */
#define BLOCK		0x1ULL
#define STAGE1_ATTR(n)	((n) << 2)
#define STAGE1_XN	(3ULL << 53)
#define STAGE1_USER	(1ULL << 6)
#define STAGE1_READ	(1ULL << 7)
#define STAGE2_ATTR(n)	((n) << 2)
#define STAGE2_RW	(3ULL << 6)
#define SHAREABLE	(3ULL << 8)
#define ACCESSED	(1ULL << 10)

/* Memory type 0 is Normal Write-Back, 1 is Device-nGnRE. */
#define MAIR		0x04ffULL
/* 39 bits in 4 KiB pages, write-back tables, nothing at the top; 40 bits out. */
#define TCR		(25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 2ULL << 32)
#define SCTLR_M		(1ULL << 0)
#define SCTLR_A		(1ULL << 1)
#define SCTLR_C		(1ULL << 2)
#define SCTLR_I		(1ULL << 12)
/* 39 bits, tables from level 1, 40 bits out. */
#define VTCR		(1ULL << 31 | 25 | 1 << 6 | 1 << 8 | 1 << 10 | 3 << 12 | 2 << 16)
#define HCR_VM		(1ULL << 0)
#define HCR_RW		(1ULL << 31)
#define HCR_E2H		(1ULL << 34)
#define HCR_FWB		(1ULL << 46)
#define MASKED		0x3c0		/* D, A, I and F */
#define EL0T		0
#define EL1H		5
#define EL2H		9

/*
 * x0: the address to access, x1: RESULT_IPA, x2: the operation, x9: how many pages it touches.
 * x5, x6, x7: VTCR_EL2, VTTBR_EL2 and HCR_EL2 of a guest hypervisor; x5 is 0 without.
 */
asm(".pushsection .rodata\n"
    ".global guest_code, guest_code_end\n"
    ".balign 2048\n"
    "guest_code:\n"
    ".rept 16\n"
    ".balign 128\n"
    "	mrs	x3, CurrentEL\n"
    "	cmp	x3, #8\n"
    "	b.eq	1f\n"
    "	mrs	x4, esr_el1\n"
    "	str	x4, [x1, #8]\n"
    "	b	.\n"
    "1:	mrs	x4, esr_el2\n"
    "	str	x4, [x1, #16]\n"
    "	b	.\n"
    ".endr\n"
    ".balign 128\n"
    "	cbz	x5, 2f\n"
    "	msr	vtcr_el2, x5\n"
    "	msr	vttbr_el2, x6\n"
    "	msr	hcr_el2, x7\n"
    "	isb\n"
    "	adr	x8, 2f\n"
    "	msr	elr_el2, x8\n"
    "	mov	x8, #0x3c5\n"
    "	msr	spsr_el2, x8\n"
    "	eret\n"
    "2:	cmp	x2, #1\n"
    "	b.eq	3f\n"
    "	b.hi	4f\n"
    "	ldr	w4, [x0, #1]\n"
    "	str	x4, [x1]\n"
    "	b	.\n"
    "3:	ldr	w4, [x0]\n"
    "	str	x4, [x1]\n"
    "	b	.\n"
    "4:	cmp	x2, #3\n"
    "	b.eq	5f\n"
    "	cmp	x2, #5\n"
    "	b.eq	9f\n"
    "	cmp	x2, #4\n"
    "	b.eq	7f\n"
    "	br	x0\n"
    "5:	mov	x10, x0\n"
    "	mov	x11, x9\n"
    "6:	ldr	w4, [x10]\n"
    "	add	x10, x10, #4096\n"
    "	subs	x11, x11, #1\n"
    "	b.ne	6b\n"
    "	str	x4, [x1]\n"
    "	b	5b\n"
    "7:	mov	x10, x0\n"
    "	lsl	x11, x9, #6\n"
    "8:	stp	x4, x4, [x10]\n"
    "	stp	x4, x4, [x10, #16]\n"
    "	stp	x4, x4, [x10, #32]\n"
    "	stp	x4, x4, [x10, #48]\n"
    "	add	x10, x10, #64\n"
    "	subs	x11, x11, #1\n"
    "	b.ne	8b\n"
    "	str	x4, [x1]\n"
    "	b	7b\n"
    "9:	str	w4, [x0, #1]\n"
    "	str	x4, [x1]\n"
    "	b	.\n"
    "guest_code_end:\n"
    ".popsection\n");
extern const char guest_code[], guest_code_end[];

int s2_open(const char *path)
{
	int fd = open(path, O_RDWR | O_SYNC);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

int s2_ioctl(int fd, unsigned long request, void *argument, const char *name)
{
	int result = ioctl(fd, request, argument);

	if (result < 0)
		err(1, "%s", name);
	return result;
}

/* A place for a block, and room behind it. */
static uintptr_t reserve(void)
{
	char *room = mmap(NULL, 3 * DEVICE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (room == MAP_FAILED)
		err(1, "reserving addresses");
	return ((uintptr_t)room + DEVICE_SIZE - 1) & ~(uintptr_t)(DEVICE_SIZE - 1);
}

static struct s2_source map_at(uintptr_t address, int flags, int fd, off_t offset,
			       uint64_t available)
{
	size_t size = available < DEVICE_SIZE ? available : DEVICE_SIZE;
	void *memory = mmap((void *)address, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd,
			    offset);

	if (memory == MAP_FAILED)
		err(1, "mapping the memory");
	return (struct s2_source){ memory, size };
}

struct s2_source s2_map(int fd, off_t offset, uint64_t available)
{
	return map_at(reserve(), fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, offset,
		      available);
}

struct s2_source s2_map_pages(int fd, off_t offset, uint64_t available)
{
	return map_at(reserve() + 4096, MAP_SHARED, fd, offset, available);
}

struct s2_source s2_map_huge(void)
{
	return map_at(reserve(), MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0, DEVICE_SIZE);
}

struct s2_source s2_map_file(const char *path)
{
	int fd = s2_open(path);
	struct stat status;

	if (fstat(fd, &status))
		err(1, "%s", path);
	return s2_map(fd, 0, status.st_size);
}

/* One block for each use, the same number in all tables. */
static void fill_tables(char *memory, const struct s2_options *options)
{
	uint64_t *stage1 = (uint64_t *)(memory + STAGE1), *stage2 = (uint64_t *)(memory + STAGE2);
	const uint64_t own = BLOCK | ACCESSED | SHAREABLE, theirs = own | STAGE2_RW;
	const uint64_t user = options->el0 ? STAGE1_USER : 0;
	/* What user mode can write is nothing that EL1 fetches from. */
	const uint64_t code = options->el0 ? STAGE1_USER | STAGE1_READ : 0;
	const uint64_t write_back = options->nested_fwb ? 6 : 15;

	stage1[0] = own | user | STAGE1_ATTR(0ULL);
	stage1[1] = MEMORY_IPA | own | code | STAGE1_ATTR(0ULL);
	stage1[2] = RESULT_IPA | own | user | STAGE1_ATTR(1ULL) | STAGE1_XN;
	stage2[0] = theirs | STAGE2_ATTR((uint64_t)(options->nested & 15));
	stage2[1] = MEMORY_IPA | theirs | STAGE2_ATTR(write_back);
	stage2[2] = RESULT_IPA | theirs | STAGE2_ATTR(1ULL);
}

static char *make_memory(const struct s2_options *options)
{
	char *memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		err(1, "the machine's memory");
	memcpy(memory, guest_code, guest_code_end - guest_code);
	fill_tables(memory, options);
	return memory;
}

int s2_set_slot(const struct s2_vm *vm, uint32_t slot, uint64_t ipa, void *memory, uint64_t size,
		uint32_t flags)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = ipa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)memory,
	};

	return ioctl(vm->vm, KVM_SET_USER_MEMORY_REGION, &region) ? errno : 0;
}

int s2_set_guest_memory(const struct s2_vm *vm, uint32_t slot, uint64_t ipa, uint64_t size)
{
	struct kvm_create_guest_memfd memory = {
		.size = size,
		.flags = GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED,
	};
	struct kvm_userspace_memory_region2 region = {
		.slot = slot,
		.flags = KVM_MEM_GUEST_MEMFD,
		.guest_phys_addr = ipa,
		.memory_size = size,
		.guest_memfd = IOCTL(vm->vm, KVM_CREATE_GUEST_MEMFD, &memory),
	};

	return ioctl(vm->vm, KVM_SET_USER_MEMORY_REGION2, &region) ? errno : 0;
}

static void set_attribute(int device, uint32_t group, uint64_t attribute, void *value)
{
	struct kvm_device_attr attr = {
		.group = group,
		.attr = attribute,
		.addr = (uintptr_t)value,
	};

	IOCTL(device, KVM_SET_DEVICE_ATTR, &attr);
}

static int make_gic_v2(int vm)
{
	struct kvm_create_device gic = { .type = KVM_DEV_TYPE_ARM_VGIC_V2 };
	uint64_t distributor = 0x08000000, interface = DEVICE_IPA;

	IOCTL(vm, KVM_CREATE_DEVICE, &gic);
	set_attribute(gic.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V2_ADDR_TYPE_DIST,
		      &distributor);
	set_attribute(gic.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V2_ADDR_TYPE_CPU, &interface);
	return gic.fd;
}

/* A guest hypervisor gets no processor without one. */
static int make_gic_v3(int vm)
{
	struct kvm_create_device gic = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };
	uint64_t distributor = 0x08000000, redistributors = 0x080a0000 | 1ULL << 52;
	uint32_t interrupts = 64;

	IOCTL(vm, KVM_CREATE_DEVICE, &gic);
	set_attribute(gic.fd, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &interrupts);
	set_attribute(gic.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST,
		      &distributor);
	set_attribute(gic.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION,
		      &redistributors);
	return gic.fd;
}

static void set_register(int cpu, uint64_t id, uint64_t value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&value };

	IOCTL(cpu, KVM_SET_ONE_REG, &reg);
}

static uint64_t get_register(int cpu, uint64_t id)
{
	uint64_t value = 0;
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&value };

	IOCTL(cpu, KVM_GET_ONE_REG, &reg);
	return value;
}

uint64_t s2_register(const struct s2_vm *vm, uint64_t id)
{
	return get_register(vm->cpu, id);
}

#define X(n)		(S2_CORE(regs.regs[0]) + 2 * (n))
#define SYS_VBAR_EL1	ARM64_SYS_REG(3, 0, 12, 0, 0)
#define SYS_VBAR_EL2	ARM64_SYS_REG(3, 4, 12, 0, 0)
#define SYS_MAIR_EL1	ARM64_SYS_REG(3, 0, 10, 2, 0)
#define SYS_TCR_EL1	ARM64_SYS_REG(3, 0, 2, 0, 2)
#define SYS_TTBR0_EL1	ARM64_SYS_REG(3, 0, 2, 0, 0)
#define SYS_SCTLR_EL1	ARM64_SYS_REG(3, 0, 1, 0, 0)

static void set_registers(int cpu, const struct s2_options *options)
{
	uint64_t sctlr = get_register(cpu, SYS_SCTLR_EL1) & ~SCTLR_A;
	bool nested = options->nested >= 0;

	set_register(cpu, S2_CORE(regs.pstate),
		     MASKED | (nested ? EL2H : options->el0 ? EL0T : EL1H));
	set_register(cpu, S2_CORE(regs.pc), MEMORY_IPA + ENTRY);
	set_register(cpu, X(0), DEVICE_IPA);
	set_register(cpu, X(1), RESULT_IPA);
	set_register(cpu, X(2), options->operation);
	set_register(cpu, X(5), nested ? VTCR : 0);
	set_register(cpu, X(6), MEMORY_IPA + STAGE2);
	set_register(cpu, X(9), options->pages);
	set_register(cpu, X(7),
		     HCR_VM | HCR_RW | HCR_E2H | (options->nested_fwb ? HCR_FWB : 0));
	set_register(cpu, SYS_VBAR_EL1, MEMORY_IPA);
	set_register(cpu, SYS_MAIR_EL1, MAIR);
	set_register(cpu, SYS_TCR_EL1, TCR);
	set_register(cpu, SYS_TTBR0_EL1, MEMORY_IPA + STAGE1);
	set_register(cpu, SYS_SCTLR_EL1, sctlr | SCTLR_M | SCTLR_C | SCTLR_I);
	if (nested)
		set_register(cpu, SYS_VBAR_EL2, MEMORY_IPA);
}

void s2_restart(const struct s2_vm *vm, const struct s2_options *options)
{
	/* What it has begun is done with first: that sets registers too. */
	vm->state->immediate_exit = 1;
	ioctl(vm->cpu, KVM_RUN, NULL);
	vm->state->immediate_exit = 0;
	set_registers(vm->cpu, options);
}

static void map_state(struct s2_vm *vm)
{
	size_t size = IOCTL(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, NULL);

	vm->state = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vm->cpu, 0);
	if (vm->state == MAP_FAILED)
		err(1, "the processor's state");
}

struct s2_vm s2_make(const struct s2_options *options)
{
	struct s2_vm vm = { .kvm = s2_open("/dev/kvm"), .cpu = -1 };
	int error;

	vm.vm = IOCTL(vm.kvm, KVM_CREATE_VM, NULL);
	error = s2_set_slot(&vm, 0, MEMORY_IPA, make_memory(options), MEMORY_SIZE, 0);
	if (error)
		errx(1, "no slot for the machine's memory: %s", strerror(error));
	return vm;
}

void s2_make_cpu(struct s2_vm *vm, const struct s2_options *options)
{
	bool nested = options->nested >= 0;
	int gic = options->gicv ? make_gic_v2(vm->vm) : nested ? make_gic_v3(vm->vm) : -1;
	struct kvm_vcpu_init init;

	vm->cpu = IOCTL(vm->vm, KVM_CREATE_VCPU, NULL);
	IOCTL(vm->vm, KVM_ARM_PREFERRED_TARGET, &init);
	if (nested)
		init.features[0] |= 1 << KVM_ARM_VCPU_HAS_EL2;
	init.features[0] |= 1 << KVM_ARM_VCPU_PSCI_0_2;
	IOCTL(vm->cpu, KVM_ARM_VCPU_INIT, &init);
	if (gic >= 0)
		set_attribute(gic, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
	set_registers(vm->cpu, options);
	map_state(vm);
}
