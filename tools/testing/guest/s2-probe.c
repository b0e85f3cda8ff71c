// SPDX-License-Identifier: GPL-2.0
/*
 * s2-probe [OPTION]... vfio ADDRESS BAR | file PATH | anon | huge | guest | gicv
 *
 * Puts memory into a virtual machine, lets its processor access it once, and prints what came of
 * it: "data VALUE", "esr VALUE" of the exception that the guest took at EL1, "esr-el2 VALUE" at
 * EL2, "run ERROR" if KVM_RUN failed, with "at ADDRESS" if that was told, "slot ERROR" if the memory
 * was not taken, or "stuck" with registers if the guest never came back.
 *
 * What it accesses with gicv is no memory but the virtual interface of a GICv2, which KVM maps.
 * The memory of anon and huge has the number of each page at its start; guest is a guest_memfd.
 *
 * The guest's own tables say Normal Write-Back. A load that is not aligned succeeds unless stage 2
 * makes the page Device, so it tells the two apart.
 *
 *   --aligned	load from an aligned address
 *   --fetch	execute what is there
 *   --store	store to an address that is not aligned
 *   --sweep	load from all pages, and print what the last one has
 *   --el0	from the user mode of the guest
 *   --far	print the faulting address that the guest has, too: "far ADDRESS"
 *   --log	with dirty logging
 *   --log-late	with dirty logging that is switched on when the guest has come back
 *   --nested N	from a guest of a guest hypervisor that has N as MemAttr in its stage 2
 *   --nested-fwb	that guest hypervisor forces write-back
 *   --lower	the user of the BAR lowers its type before he maps it
 *   --lower-late	he does so when he has it mapped
 *   --disable	the function does not answer to its BARs
 *   --unmap	the user takes the memory away again
 *   --flags	print the flags of the mapping that the user has, as smaps shows them
 *   --tables	print the host's stage-2 page tables of the machine first
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "s2-bar.h"
#include "s2-vm.h"
#include "vfio-access.h"

struct probe_options {
	struct s2_options vm;
	bool log, log_late, lower, lower_late, disable, unmap, tables, flags, far;
	bool guest; /* no user has the memory mapped */
};

static struct s2_source map_vfio(const char *address, uint32_t bar,
				 const struct probe_options *options)
{
	static struct access access;
	struct s2_source source;

	access_open(&access, ACCESS_IOMMUFD, address);
	if (options->lower)
		s2_lower_bar(access.device, bar);
	source = s2_map_bar(access.device, bar);
	if (options->lower_late)
		s2_lower_bar(access.device, bar);
	if (options->disable)
		s2_write_command(access.device, 0);
	return source;
}

static struct s2_source number_pages(struct s2_source source)
{
	uint32_t *pages = source.memory;

	for (size_t page = 0; page < source.size / 4096; page++)
		pages[page * 1024] = page;
	return source;
}

static struct s2_source map_source(char **words, struct probe_options *options)
{
	options->vm.gicv = words[0] && !strcmp(words[0], "gicv");
	options->guest = words[0] && !strcmp(words[0], "guest");
	if (options->vm.gicv || options->guest)
		return (struct s2_source){ NULL, DEVICE_SIZE };
	if (words[0] && !strcmp(words[0], "vfio") && words[1] && words[2])
		return map_vfio(words[1], atoi(words[2]), options);
	if (words[0] && !strcmp(words[0], "file") && words[1])
		return s2_map_file(words[1]);
	if (words[0] && !strcmp(words[0], "anon"))
		return number_pages(s2_map(-1, 0, DEVICE_SIZE));
	if (words[0] && !strcmp(words[0], "huge"))
		return number_pages(s2_map_huge());
	errx(2, "what memory?");
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

static void print_stuck(const struct s2_vm *vm)
{
	printf("stuck pc %#llx esr %#llx elr %#llx far %#llx\n",
	       (unsigned long long)s2_register(vm, S2_CORE(regs.pc)),
	       (unsigned long long)s2_register(vm, SYS_ESR_EL1),
	       (unsigned long long)s2_register(vm, S2_CORE(elr_el1)),
	       (unsigned long long)s2_register(vm, SYS_FAR_EL1));
}

static void print_exception(const struct s2_vm *vm, const char *name, uint64_t far, bool with_far,
			    uint64_t value)
{
	printf("%s %#llx", name, (unsigned long long)value);
	if (with_far)
		printf(" far %#llx", (unsigned long long)s2_register(vm, far));
	putchar('\n');
}

static void run(const struct s2_vm *vm, bool with_far)
{
	const struct kvm_run *state = vm->state;
	uint64_t value;

	set_deadline(20);
	if (ioctl(vm->cpu, KVM_RUN, NULL)) {
		if (errno == EINTR)
			return print_stuck(vm);
		printf("run %s", strerrorname_np(errno));
		if (state->exit_reason == KVM_EXIT_MEMORY_FAULT)
			printf(" at %#llx", (unsigned long long)state->memory_fault.gpa);
		putchar('\n');
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
		print_exception(vm, "esr", SYS_FAR_EL1, with_far, value);
		break;
	case ESR_EL2:
		print_exception(vm, "esr-el2", SYS_FAR_EL2, with_far, value);
		break;
	default:
		printf("mmio %#llx\n", (unsigned long long)state->mmio.phys_addr);
	}
}

static void print_flags(const void *memory)
{
	FILE *maps = fopen("/proc/self/smaps", "r");
	unsigned long begin, end, at = (uintptr_t)memory;
	bool found = false;
	char line[512];

	if (!maps)
		err(1, "smaps");
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
			found = begin <= at && at < end;
		else if (found && !strncmp(line, "VmFlags:", 8))
			printf("flags %s", line + 8);
	}
	fclose(maps);
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

static bool parse_operation(const char *word, enum s2_operation *operation)
{
	static const struct {
		const char *word;
		enum s2_operation operation;
	} operations[] = {
		{ "--aligned", S2_ALIGNED }, { "--fetch", S2_FETCH }, { "--store", S2_STORE },
		{ "--sweep", S2_SWEEP },
	};

	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		if (!strcmp(word, operations[i].word)) {
			*operation = operations[i].operation;
			return true;
		}
	}
	return false;
}

static bool parse_flag(const char *word, struct probe_options *options)
{
	const struct {
		const char *word;
		bool *flag;
	} flags[] = {
		{ "--el0", &options->vm.el0 },	      { "--far", &options->far },
		{ "--log", &options->log },	      { "--log-late", &options->log_late },
		{ "--lower", &options->lower },	      { "--lower-late", &options->lower_late },
		{ "--disable", &options->disable },   { "--unmap", &options->unmap },
		{ "--flags", &options->flags },	      { "--tables", &options->tables },
		{ "--nested-fwb", &options->vm.nested_fwb },
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		if (!strcmp(word, flags[i].word)) {
			*flags[i].flag = true;
			return true;
		}
	}
	return false;
}

static char **parse(char **words, struct probe_options *options)
{
	for (; *words && !strncmp(*words, "--", 2); words++) {
		if (parse_operation(*words, &options->vm.operation) || parse_flag(*words, options))
			continue;
		if (strcmp(*words, "--nested") || !words[1])
			errx(2, "what is %s?", *words);
		options->vm.nested = strtol(*++words, NULL, 0);
	}
	return words;
}

/* Returns whether the machine has it; says why not. */
static bool set_device_slot(const struct s2_vm *vm, const struct probe_options *options,
			    struct s2_source device, bool log)
{
	int error = options->guest ?
			    s2_set_guest_memory(vm, 1, DEVICE_IPA, device.size) :
			    s2_set_slot(vm, 1, DEVICE_IPA, device.memory, device.size,
					log ? KVM_MEM_LOG_DIRTY_PAGES : 0);

	if (error)
		printf("slot %s\n", strerrorname_np(error));
	return !error;
}

int main(int argc, char **argv)
{
	struct probe_options options = {
		.vm.operation = S2_UNALIGNED,
		.vm.nested = -1,
	};
	struct s2_source device = map_source(parse(argv + (argc > 0), &options), &options);
	struct s2_vm vm;

	options.vm.pages = device.size / 4096;
	vm = s2_make(&options.vm);
	if (!options.vm.gicv && !set_device_slot(&vm, &options, device, options.log))
		return 0;
	if (options.unmap && munmap(device.memory, device.size))
		err(1, "taking the memory away");
	s2_make_cpu(&vm, &options.vm);
	run(&vm, options.far);
	if (options.log_late)
		set_device_slot(&vm, &options, device, true);
	if (options.flags)
		print_flags(device.memory);
	if (options.tables)
		print_tables(vm.vm);
	return 0;
}
