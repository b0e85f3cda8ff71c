// SPDX-License-Identifier: GPL-2.0
/*
 * vfio-pair ADDRESS ADDRESS type1|type1v2|iommufd
 *
 * One address space of user space for two devices that are behind different IOMMUs: a
 * domain belongs to one IOMMU only, so there are two of them, and each mapping is made
 * in both.  Both devices are iommu-testdevs, whose reach is tried.  Prints KTAP.
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "report.h"
#include "testdev.h"
#include "vfio-access.h"

#define IOVA 0x20000000ull

struct party {
	const char *address;
	struct access access;
	volatile uint32_t *bar;
};

static void enable(struct party *party)
{
	int error = access_attach(&party->access);

	if (error)
		errx(1, "attaching %s: %s", party->address, strerror(-error));
	access_enable(&party->access, party->address);
	party->bar = access_registers(&party->access, TESTDEV_BAR_SIZE);
}

/* Whether both devices end their write to the page as expected. */
static bool both_end(const struct party *parties, const void *page, uint32_t expected)
{
	const uint64_t physical = physical_address(page);

	return testdev_write(parties[0].bar, IOVA, physical, 4) == expected &&
	       testdev_write(parties[1].bar, IOVA, physical, 4) == expected;
}

int main(int argc, char **argv)
{
	const size_t size = (size_t)sysconf(_SC_PAGESIZE);
	struct party parties[2] = {};
	struct access *first = &parties[0].access;
	unsigned char *memory;

	if (argc != 4)
		errx(2, "usage: vfio-pair ADDRESS ADDRESS type1|type1v2|iommufd");
	parties[0].address = argv[1];
	parties[1].address = argv[2];
	puts("KTAP version 1\n1..4");
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (memory == MAP_FAILED || mlock(memory, size))
		err(1, "memory");

	access_prepare(first, access_mode_by_name(argv[3]), argv[1]);
	enable(&parties[0]);
	access_map(first, IOVA, memory, size, true);
	access_prepare_with(&parties[1].access, first, argv[2]);
	enable(&parties[1]);
	report(both_end(parties, memory, TESTDEV_DONE),
	       "what was mapped before the second device came is reached by both");
	access_unmap(first, IOVA, size);
	report(both_end(parties, memory, TESTDEV_REFUSED),
	       "what is unmapped is out of reach of both");
	access_map(first, IOVA, memory, size, true);
	report(both_end(parties, memory, TESTDEV_DONE),
	       "what is mapped later is reached by both");
	access_unmap(first, IOVA, size);
	report(both_end(parties, memory, TESTDEV_REFUSED),
	       "what is unmapped again is out of reach again");
	return report_status();
}
