// SPDX-License-Identifier: GPL-2.0
/*
 * s2-time FILE ADDRESS BAR
 * s2-time ADDRESS BAR
 *
 * Prints how long KVM takes for a fault at stage 2, in nanoseconds, as `figure stage2 NAME VALUE`:
 * the least of several rounds. On a machine whose clock ticks once for each instruction these are
 * instructions. What a guest takes for the same loads without faults is not counted.
 *
 * `figure stage2-faults NAME VALUE` is how many faults 2 MiB take. A BAR that vfio-pci has is mapped
 * as a block where the user has it at an address for that, and by pages otherwise.
 *
 * Without FILE it prints instead how fast a guest writes to the BAR, which has to be memory, as
 * `writes TYPE MB/S`: Device, and Normal Non-cacheable where that is granted. That is for a machine
 * with hardware that combines writes. An emulated one says nothing by it.
 *
 * FILE is a BAR without a grant, BAR of ADDRESS one that vfio-pci has.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <linux/vfio_pci_grant.h>

#include "s2-bar.h"
#include "s2-vm.h"
#include "vfio-access.h"

#define ROUNDS	7
#define PAGE	4096

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

/* All exits of the guests that there are. */
static unsigned long count_exits(void)
{
	FILE *file = fopen("/sys/kernel/debug/kvm/exits", "r");
	unsigned long exits;

	if (!file || fscanf(file, "%lu", &exits) != 1)
		err(1, "the number of exits");
	fclose(file);
	return exits;
}

struct cost {
	double time;
	unsigned long exits;
};

/* One pass of the guest through its pages. */
static struct cost sweep(const struct s2_vm *vm)
{
	unsigned long exits = count_exits();
	uint64_t started = now(), ended;

	if (ioctl(vm->cpu, KVM_RUN, NULL))
		err(1, "KVM_RUN");
	ended = now();
	if (vm->state->exit_reason != KVM_EXIT_MMIO ||
	    vm->state->mmio.phys_addr != RESULT_IPA + VALUE)
		errx(1, "the guest ended in another way");
	return (struct cost){ ended - started, count_exits() - exits };
}

static void set_slot(const struct s2_vm *vm, struct s2_source source)
{
	int error = s2_set_slot(vm, 1, DEVICE_IPA, source.memory, source.size, 0);

	if (error)
		errx(1, "a slot: %s", strerror(error));
}

/* A pass with all faults, less one without any. */
static struct cost fault_all(const struct s2_vm *vm, struct s2_source source)
{
	struct cost faults, none;

	set_slot(vm, source);
	faults = sweep(vm);
	none = sweep(vm);
	source.size = 0;
	set_slot(vm, source);
	return (struct cost){ faults.time - none.time, faults.exits - none.exits };
}

static void measure(const char *name, struct s2_source source)
{
	const struct s2_options options = {
		.operation = S2_SWEEP,
		.pages = source.size / PAGE,
		.nested = -1,
	};
	struct s2_vm vm = s2_make(&options);
	struct cost least = { 0 };

	s2_make_cpu(&vm, &options);
	/* What is needed once only comes first. */
	fault_all(&vm, source);
	for (int round = 0; round < ROUNDS; round++) {
		struct cost cost = fault_all(&vm, source);

		if (!round || cost.time < least.time)
			least = cost;
	}
	if (!least.exits)
		errx(1, "no faults of %s", name);
	printf("figure stage2 %s %.1f\n", name, least.time / least.exits);
	printf("figure stage2-faults %s %lu\n", name, least.exits);
}

static struct s2_source map_pages(void)
{
	struct s2_source source = s2_map(-1, 0, DEVICE_SIZE);

	/* Fails where there are no large pages, and that is what is wanted. */
	madvise(source.memory, source.size, MADV_NOHUGEPAGE);
	memset(source.memory, 1, source.size);
	return source;
}

static struct s2_source map_pages_of_bar(int device, uint32_t bar)
{
	struct vfio_region_info region = s2_find_region(device, bar);

	return s2_map_pages(device, (off_t)region.offset, region.size);
}

static int open_device(const char *address)
{
	static struct access access;

	access_open(&access, ACCESS_IOMMUFD, address);
	return access.device;
}

static void print_writes(const char *type, struct s2_source source)
{
	const struct s2_options options = {
		.operation = S2_WRITE,
		.pages = source.size / PAGE,
		.nested = -1,
	};
	struct s2_vm vm = s2_make(&options);
	double least = 0;

	s2_make_cpu(&vm, &options);
	set_slot(&vm, source);
	for (int round = 0; round <= ROUNDS; round++) {
		double taken = sweep(&vm).time;

		/* The first one is of the faults. */
		if (round && (round == 1 || taken < least))
			least = taken;
	}
	printf("writes %s %.0f\n", type, source.size * 1e3 / least);
}

static void compare_writes(int device, uint32_t bar)
{
	if (s2_bar_type(device, bar) == VFIO_PCI_BAR_TYPE_NORMAL_NC)
		print_writes("normal-nc", s2_map_bar(device, bar));
	s2_lower_bar(device, bar);
	print_writes("device", s2_map_bar(device, bar));
}

int main(int argc, char **argv)
{
	uint32_t bar;
	int device;

	if (argc == 3) {
		compare_writes(open_device(argv[1]), atoi(argv[2]));
		return 0;
	}
	if (argc != 4)
		return 2;

	measure("memory-page", map_pages());
	measure("device-page", s2_map_file(argv[1]));
	device = open_device(argv[2]);
	bar = atoi(argv[3]);
	measure("granted-page", map_pages_of_bar(device, bar));
	measure("granted-block", s2_map_bar(device, bar));
	return 0;
}
