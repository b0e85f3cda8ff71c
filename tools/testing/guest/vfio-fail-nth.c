// SPDX-License-Identifier: GPL-2.0
/*
 * vfio-fail-nth ADDRESS type1|type1v2|iommufd
 *
 * Attaching, detaching, mapping and unmapping through VFIO, with the first, the second
 * and each further allocation failing in turn, until one round makes no more of them.
 * What fails says ENOMEM and leaves all as it was: an iommu-testdev reaches a page that
 * was not mapped as little as one that was unmapped.  Prints KTAP.
 */
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fault.h"
#include "report.h"
#include "testdev.h"
#include "vfio-access.h"

#define IOVA 0x20003000ull
#define PAGES 37

struct bench {
	struct access access;
	volatile uint32_t *bar;
	size_t page_size;
	unsigned char *memory;
};

struct operation {
	const char *name;
	/* What is needed before each round; ends the program if it fails. */
	void (*before)(struct bench *bench);
	/* Returns 0 or a negative error number. */
	int (*perform)(struct bench *bench);
	/* Whether all is as the result says; undoes what was done. */
	bool (*after)(struct bench *bench, bool done);
	bool may_fail;
};

static void must(int error, const char *what)
{
	if (error)
		errx(1, "%s, with no allocation failing: %s", what, strerror(-error));
}

static void no_before(struct bench *bench)
{
	(void)bench;
}

static int attach(struct bench *bench)
{
	return access_attach(&bench->access);
}

static bool after_attach(struct bench *bench, bool done)
{
	if (done)
		must(access_detach(&bench->access), "detaching");
	return true;
}

static void before_detach(struct bench *bench)
{
	must(access_attach(&bench->access), "attaching");
}

static int detach(struct bench *bench)
{
	return access_detach(&bench->access);
}

static bool after_detach(struct bench *bench, bool done)
{
	(void)bench;
	return done;
}

static size_t size_of(const struct bench *bench)
{
	return PAGES * bench->page_size;
}

/* Whether the device reaches the first and the last page, or neither. */
static bool reaches(struct bench *bench, bool expected)
{
	const uint32_t result = expected ? TESTDEV_DONE : TESTDEV_REFUSED;
	size_t index;

	for (index = 0; index < PAGES; index += PAGES - 1) {
		const size_t offset = index * bench->page_size;

		if (testdev_write(bench->bar, IOVA + offset,
				  physical_address(bench->memory + offset), 4) != result)
			return false;
	}
	return true;
}

static int map(struct bench *bench)
{
	return access_try_map(&bench->access, IOVA, bench->memory, size_of(bench), true);
}

static int unmap(struct bench *bench)
{
	return access_try_unmap(&bench->access, IOVA, size_of(bench));
}

static bool after_map(struct bench *bench, bool done)
{
	bool good = reaches(bench, done);

	if (done)
		must(unmap(bench), "unmapping");
	return good;
}

static void before_unmap(struct bench *bench)
{
	must(map(bench), "mapping");
}

static bool after_unmap(struct bench *bench, bool done)
{
	if (!done)
		must(unmap(bench), "unmapping what failed to be unmapped");
	return reaches(bench, false);
}

/* One round; returns whether an allocation failed in it. */
static bool round_with(struct bench *bench, const struct operation *operation,
		       unsigned int nth, bool *good)
{
	bool injected;
	int error;

	operation->before(bench);
	fault_arm(nth);
	error = operation->perform(bench);
	injected = fault_disarm();
	if (error && (!injected || error != -ENOMEM || !operation->may_fail)) {
		printf("# %s, allocation %u %s: %s\n", operation->name, nth,
		       injected ? "failing" : "not reached", strerror(-error));
		*good = false;
	}
	if (!operation->after(bench, !error)) {
		printf("# %s, allocation %u failing: what follows is wrong\n",
		       operation->name, nth);
		*good = false;
	}
	return injected;
}

static void test(struct bench *bench, const struct operation *operation)
{
	unsigned int nth = 1;
	bool good = true;

	while (good && nth < FAULT_LIMIT && round_with(bench, operation, nth, &good))
		nth++;
	printf("# %s: %u allocations\n", operation->name, nth - 1);
	report(good && nth < FAULT_LIMIT, operation->name);
}

static const struct operation attaching[] = {
	{ "attaching", no_before, attach, after_attach, true },
	{ "detaching", before_detach, detach, after_detach, false },
};

static const struct operation using[] = {
	{ "mapping", no_before, map, after_map, true },
	{ "unmapping", before_unmap, unmap, after_unmap, true },
};

int main(int argc, char **argv)
{
	struct bench bench = { .page_size = (size_t)sysconf(_SC_PAGESIZE) };
	size_t i;

	if (argc != 3)
		errx(2, "usage: vfio-fail-nth ADDRESS type1|type1v2|iommufd");
	puts("KTAP version 1\n1..4");
	bench.memory = mmap(NULL, size_of(&bench), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (bench.memory == MAP_FAILED || mlock(bench.memory, size_of(&bench)))
		err(1, "memory");
	access_prepare(&bench.access, access_mode_by_name(argv[2]), argv[1]);
	for (i = 0; i < sizeof(attaching) / sizeof(attaching[0]); i++)
		test(&bench, &attaching[i]);

	must(access_attach(&bench.access), "attaching");
	access_enable(&bench.access, argv[1]);
	bench.bar = access_registers(&bench.access, TESTDEV_BAR_SIZE);
	for (i = 0; i < sizeof(using) / sizeof(using[0]); i++)
		test(&bench, &using[i]);
	return report_status();
}
