// SPDX-License-Identifier: GPL-2.0
/*
 * s2-probe [OPTION]... vfio ADDRESS BAR | file PATH | anon | gicv
 *
 * Puts memory into a virtual machine, lets its processor access it once, and prints what came of
 * it: "data VALUE", "esr VALUE" of the exception that the guest took at EL1, "esr-el2 VALUE" at
 * EL2, "run ERROR" if KVM_RUN failed, "slot ERROR" if the memory was not taken, or "stuck" with
 * registers if the guest never came back.
 *
 * What it accesses with gicv is no memory but the virtual interface of a GICv2, which KVM maps.
 *
 * The guest's own tables say Normal Write-Back. A load that is not aligned succeeds unless stage 2
 * makes the page Device, so it tells the two apart.
 *
 *   --aligned	load from an aligned address
 *   --fetch	execute what is there
 *   --log	with dirty logging
 *   --nested N	from a guest of a guest hypervisor that has N as MemAttr in its stage 2
 *   --lower	the user of the BAR lowers its type before he maps it
 *   --lower-late	he does so when he has it mapped
 *   --tables	print the host's stage-2 page tables of the machine first
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/kvm.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_grant.h>

#include "vfio-access.h"

/* Guest physical addresses; each is in a block of 1 GiB of its own. */
#define DEVICE_IPA	0x10000000ULL
#define MEMORY_IPA	0x40000000ULL
#define RESULT_IPA	0x80000000ULL

#define MEMORY_SIZE	0x200000
#define ENTRY		0x800		/* behind the vectors */
#define STAGE1		0x10000
#define STAGE2		0x20000
#define DEVICE_SIZE	0x200000	/* at most: one block of the host's tables */

/* Descriptors of blocks. */
#define BLOCK		0x1ULL
#define STAGE1_ATTR(n)	((n) << 2)
#define STAGE1_XN	(3ULL << 53)
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
#define MASKED		0x3c0		/* D, A, I and F */
#define EL1H		5
#define EL2H		9

enum operation { UNALIGNED, ALIGNED, FETCH };

/* Where in RESULT_IPA the guest writes. */
enum { VALUE = 0, ESR_EL1 = 8, ESR_EL2 = 16 };

struct options {
	enum operation operation;
	bool log, lower, lower_late, tables, gicv;
	int nested;
};

/*
 * x0: the address to access, x1: RESULT_IPA, x2: the operation.
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
    "4:	br	x0\n"
    "guest_code_end:\n"
    ".popsection\n");
extern const char guest_code[], guest_code_end[];

static int open_or_die(const char *path)
{
	int fd = open(path, O_RDWR | O_SYNC);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static int ioctl_or_die(int fd, unsigned long request, void *argument, const char *name)
{
	int result = ioctl(fd, request, argument);

	if (result < 0)
		err(1, "%s", name);
	return result;
}
#define IOCTL(fd, request, argument) ioctl_or_die(fd, request, argument, #request)

struct source {
	void *memory;
	size_t size;
};

/* At an address where the host can use a block too. */
static struct source map_aligned(int fd, off_t offset, uint64_t available)
{
	size_t size = available < DEVICE_SIZE ? available : DEVICE_SIZE;
	char *room = mmap(NULL, 2 * DEVICE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uintptr_t address = ((uintptr_t)room + DEVICE_SIZE - 1) & ~(uintptr_t)(DEVICE_SIZE - 1);
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	void *memory;

	if (room == MAP_FAILED)
		err(1, "reserving addresses");
	memory = mmap((void *)address, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd,
		      offset);
	if (memory == MAP_FAILED)
		err(1, "mapping the memory");
	return (struct source){ memory, size };
}

static void lower_type(int device, uint32_t bar)
{
	struct {
		struct vfio_device_feature head;
		struct vfio_device_feature_pci_bar_type bar;
	} feature = {
		.head.argsz = sizeof(feature),
		.head.flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_PCI_BAR_TYPE,
		.bar.index = bar,
		.bar.type = VFIO_PCI_BAR_TYPE_DEVICE,
	};

	IOCTL(device, VFIO_DEVICE_FEATURE, &feature);
}

static struct source map_vfio(const char *address, const char *bar,
			      const struct options *options)
{
	struct vfio_region_info region = { .argsz = sizeof(region), .index = atoi(bar) };
	static struct access access;
	struct source source;

	access_open(&access, ACCESS_IOMMUFD, address);
	IOCTL(access.device, VFIO_DEVICE_GET_REGION_INFO, &region);
	if (options->lower)
		lower_type(access.device, region.index);
	source = map_aligned(access.device, (off_t)region.offset, region.size);
	if (options->lower_late)
		lower_type(access.device, region.index);
	return source;
}

/* A file of sysfs that is a BAR is as large as that. */
static struct source map_file(const char *path)
{
	int fd = open_or_die(path);
	struct stat status;

	if (fstat(fd, &status))
		err(1, "%s", path);
	return map_aligned(fd, 0, status.st_size);
}

static struct source map_source(char **words, struct options *options)
{
	options->gicv = words[0] && !strcmp(words[0], "gicv");
	if (options->gicv)
		return (struct source){ NULL, 0 };
	if (words[0] && !strcmp(words[0], "vfio") && words[1] && words[2])
		return map_vfio(words[1], words[2], options);
	if (words[0] && !strcmp(words[0], "file") && words[1])
		return map_file(words[1]);
	if (words[0] && !strcmp(words[0], "anon"))
		return map_aligned(-1, 0, DEVICE_SIZE);
	errx(2, "what memory?");
}

/* One block for each use, the same number in all tables. */
static void fill_tables(char *memory, int nested)
{
	uint64_t *stage1 = (uint64_t *)(memory + STAGE1), *stage2 = (uint64_t *)(memory + STAGE2);
	const uint64_t own = BLOCK | ACCESSED | SHAREABLE, theirs = own | STAGE2_RW;

	stage1[0] = own | STAGE1_ATTR(0ULL);
	stage1[1] = MEMORY_IPA | own | STAGE1_ATTR(0ULL);
	stage1[2] = RESULT_IPA | own | STAGE1_ATTR(1ULL) | STAGE1_XN;
	stage2[0] = theirs | STAGE2_ATTR((uint64_t)(nested & 15));
	stage2[1] = MEMORY_IPA | theirs | STAGE2_ATTR(15ULL);
	stage2[2] = RESULT_IPA | theirs | STAGE2_ATTR(1ULL);
}

static char *make_memory(int nested)
{
	char *memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		err(1, "the machine's memory");
	memcpy(memory, guest_code, guest_code_end - guest_code);
	fill_tables(memory, nested);
	return memory;
}

static int add_slot(int vm, uint32_t slot, uint64_t ipa, void *memory, uint64_t size, bool log)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = log ? KVM_MEM_LOG_DIRTY_PAGES : 0,
		.guest_phys_addr = ipa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)memory,
	};

	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) ? errno : 0;
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

#define CORE(field)	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | \
			 KVM_REG_ARM_CORE_REG(field))
#define X(n)		(CORE(regs.regs[0]) + 2 * (n))
#define SYS_VBAR_EL1	ARM64_SYS_REG(3, 0, 12, 0, 0)
#define SYS_VBAR_EL2	ARM64_SYS_REG(3, 4, 12, 0, 0)
#define SYS_MAIR_EL1	ARM64_SYS_REG(3, 0, 10, 2, 0)
#define SYS_TCR_EL1	ARM64_SYS_REG(3, 0, 2, 0, 2)
#define SYS_TTBR0_EL1	ARM64_SYS_REG(3, 0, 2, 0, 0)
#define SYS_SCTLR_EL1	ARM64_SYS_REG(3, 0, 1, 0, 0)
#define SYS_ESR_EL1	ARM64_SYS_REG(3, 0, 5, 2, 0)
#define SYS_FAR_EL1	ARM64_SYS_REG(3, 0, 6, 0, 0)

static void set_registers(int cpu, const struct options *options)
{
	uint64_t sctlr = get_register(cpu, SYS_SCTLR_EL1) & ~SCTLR_A;
	bool nested = options->nested >= 0;

	set_register(cpu, CORE(regs.pstate), MASKED | (nested ? EL2H : EL1H));
	set_register(cpu, CORE(regs.pc), MEMORY_IPA + ENTRY);
	set_register(cpu, X(0), DEVICE_IPA);
	set_register(cpu, X(1), RESULT_IPA);
	set_register(cpu, X(2), options->operation);
	set_register(cpu, X(5), nested ? VTCR : 0);
	set_register(cpu, X(6), MEMORY_IPA + STAGE2);
	set_register(cpu, X(7), HCR_VM | HCR_RW | HCR_E2H);
	set_register(cpu, SYS_VBAR_EL1, MEMORY_IPA);
	set_register(cpu, SYS_MAIR_EL1, MAIR);
	set_register(cpu, SYS_TCR_EL1, TCR);
	set_register(cpu, SYS_TTBR0_EL1, MEMORY_IPA + STAGE1);
	set_register(cpu, SYS_SCTLR_EL1, sctlr | SCTLR_M | SCTLR_C | SCTLR_I);
	if (nested)
		set_register(cpu, SYS_VBAR_EL2, MEMORY_IPA);
}

static int make_cpu(int vm, const struct options *options)
{
	bool nested = options->nested >= 0;
	int gic = options->gicv ? make_gic_v2(vm) : nested ? make_gic_v3(vm) : -1;
	int cpu = IOCTL(vm, KVM_CREATE_VCPU, NULL);
	struct kvm_vcpu_init init;

	IOCTL(vm, KVM_ARM_PREFERRED_TARGET, &init);
	if (nested)
		init.features[0] |= 1 << KVM_ARM_VCPU_HAS_EL2;
	init.features[0] |= 1 << KVM_ARM_VCPU_PSCI_0_2;
	IOCTL(cpu, KVM_ARM_VCPU_INIT, &init);
	if (gic >= 0)
		set_attribute(gic, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
	set_registers(cpu, options);
	return cpu;
}

static void do_nothing(int signal)
{
	(void)signal;
}

/* Has KVM_RUN come back from a guest that does not. */
static void set_deadline(unsigned int seconds)
{
	const struct sigaction action = { .sa_handler = do_nothing };

	if (sigaction(SIGALRM, &action, NULL))
		err(1, "sigaction");
	alarm(seconds);
}

static void print_stuck(int cpu)
{
	printf("stuck pc %#llx esr %#llx elr %#llx far %#llx\n",
	       (unsigned long long)get_register(cpu, CORE(regs.pc)),
	       (unsigned long long)get_register(cpu, SYS_ESR_EL1),
	       (unsigned long long)get_register(cpu, CORE(elr_el1)),
	       (unsigned long long)get_register(cpu, SYS_FAR_EL1));
}

static void run(int kvm, int cpu)
{
	size_t size = IOCTL(kvm, KVM_GET_VCPU_MMAP_SIZE, NULL);
	struct kvm_run *state = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
	uint64_t value;

	if (state == MAP_FAILED)
		err(1, "the processor's state");
	set_deadline(20);
	if (ioctl(cpu, KVM_RUN, NULL)) {
		if (errno == EINTR)
			return print_stuck(cpu);
		printf("run %s\n", strerrorname_np(errno));
		return;
	}
	if (state->exit_reason != KVM_EXIT_MMIO) {
		printf("exit %u\n", state->exit_reason);
		return;
	}
	memcpy(&value, state->mmio.data, sizeof(value));
	switch (state->mmio.phys_addr - RESULT_IPA) {
	case VALUE:
		printf("data %#llx\n", (unsigned long long)value);
		break;
	case ESR_EL1:
		printf("esr %#llx\n", (unsigned long long)value);
		break;
	case ESR_EL2:
		printf("esr-el2 %#llx\n", (unsigned long long)value);
		break;
	default:
		printf("mmio %#llx\n", (unsigned long long)state->mmio.phys_addr);
	}
}

/* The file is of the process and the machine: /sys/kernel/debug/kvm/PID-FD. */
static void print_tables(int vm)
{
	char path[128], line[256];
	FILE *tables;

	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%d-%d/stage2_page_tables", getpid(),
		 vm);
	tables = fopen(path, "r");
	if (!tables)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), tables))
		printf("table %s", line);
	fclose(tables);
}

static char **parse(char **words, struct options *options)
{
	for (; *words && !strncmp(*words, "--", 2); words++) {
		if (!strcmp(*words, "--aligned"))
			options->operation = ALIGNED;
		else if (!strcmp(*words, "--fetch"))
			options->operation = FETCH;
		else if (!strcmp(*words, "--log"))
			options->log = true;
		else if (!strcmp(*words, "--lower"))
			options->lower = true;
		else if (!strcmp(*words, "--lower-late"))
			options->lower_late = true;
		else if (!strcmp(*words, "--tables"))
			options->tables = true;
		else if (!strcmp(*words, "--nested") && words[1])
			options->nested = strtol(*++words, NULL, 0);
		else
			errx(2, "what is %s?", *words);
	}
	return words;
}

int main(int argc, char **argv)
{
	struct options options = { .operation = UNALIGNED, .nested = -1 };
	struct source device = map_source(parse(argv + (argc > 0), &options), &options);
	int kvm = open_or_die("/dev/kvm");
	int vm = IOCTL(kvm, KVM_CREATE_VM, NULL);
	int cpu, error;

	error = add_slot(vm, 0, MEMORY_IPA, make_memory(options.nested), MEMORY_SIZE, false);
	if (error)
		errx(1, "no slot for the machine's memory: %s", strerror(error));
	error = options.gicv ? 0 : add_slot(vm, 1, DEVICE_IPA, device.memory, device.size,
					    options.log);
	if (error) {
		printf("slot %s\n", strerrorname_np(error));
		return 0;
	}
	cpu = make_cpu(vm, &options);
	run(kvm, cpu);
	if (options.tables)
		print_tables(vm);
	return 0;
}
