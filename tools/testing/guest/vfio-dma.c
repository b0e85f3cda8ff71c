// SPDX-License-Identifier: GPL-2.0
/*
 * vfio-dma ADDRESS type1|type1v2|iommufd
 *
 * What an iommu-testdev can reach through VFIO is exactly what is mapped now.
 * Prints KTAP.  FAULT_IOVA is the address that the caller may look for in the log.
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "report.h"
#include "testdev.h"
#include "vfio-access.h"

#define FAULT_IOVA 0x10000000ull
#define REGION_IOVA 0x20003000ull
#define ROUNDS 100
#define MOST_PAGES 600

struct bench {
	struct access access;
	volatile uint32_t *bar;
	size_t page_size;
	unsigned char *memory; /* MOST_PAGES pages */
};

static unsigned char *page_at(const struct bench *bench, size_t index)
{
	return bench->memory + index * bench->page_size;
}

static bool is_untouched(const struct bench *bench, size_t index)
{
	const unsigned char *page = page_at(bench, index);
	size_t i;

	for (i = 0; i < bench->page_size; i++)
		if (page[i])
			return false;
	return true;
}

/* The pattern is in the first word of that page and nowhere else in it. */
static bool has_landed(const struct bench *bench, size_t index)
{
	volatile uint32_t *word = (volatile uint32_t *)page_at(bench, index);
	bool landed = *word == TESTDEV_PATTERN;

	*word = 0;
	return landed && is_untouched(bench, index);
}

static uint32_t write_to(const struct bench *bench, uint64_t iova, size_t index)
{
	return testdev_write(bench->bar, iova,
			     physical_address(page_at(bench, index)), 4);
}

static void test_one_page(struct bench *bench)
{
	const size_t size = bench->page_size;

	access_map(&bench->access, FAULT_IOVA, page_at(bench, 0), size, true);
	report(write_to(bench, FAULT_IOVA, 0) == TESTDEV_DONE && has_landed(bench, 0),
	       "a mapped page is reached");

	access_unmap(&bench->access, FAULT_IOVA, size);
	report(write_to(bench, FAULT_IOVA, 0) == TESTDEV_REFUSED && is_untouched(bench, 0),
	       "the unmapped page is out of reach");

	access_map(&bench->access, FAULT_IOVA, page_at(bench, 1), size, true);
	report(write_to(bench, FAULT_IOVA, 1) == TESTDEV_DONE && has_landed(bench, 1) &&
	       is_untouched(bench, 0),
	       "the same address mapped again reaches only the new page");
	access_unmap(&bench->access, FAULT_IOVA, size);

	access_map(&bench->access, FAULT_IOVA, page_at(bench, 2), size, false);
	report(write_to(bench, FAULT_IOVA, 2) == TESTDEV_REFUSED && is_untouched(bench, 2),
	       "a read-only page is not written");
	access_unmap(&bench->access, FAULT_IOVA, size);
}

/* An odd number of pages at an odd address: many sizes of one mapping's pieces. */
static void test_region(struct bench *bench)
{
	const size_t pages = 517, size = pages * bench->page_size;
	bool reached = true, refused = true;
	size_t i;

	access_map(&bench->access, REGION_IOVA, page_at(bench, 1), size, true);
	for (i = 0; i < pages; i++)
		reached &= write_to(bench, REGION_IOVA + i * bench->page_size, i + 1) ==
				   TESTDEV_DONE && has_landed(bench, i + 1);
	report(reached, "each page of a large region is reached");

	refused &= write_to(bench, REGION_IOVA - 4, 0) == TESTDEV_REFUSED;
	refused &= write_to(bench, REGION_IOVA + size, 0) == TESTDEV_REFUSED;
	report(refused && is_untouched(bench, 0) && is_untouched(bench, pages + 1),
	       "the bytes before and behind the region are out of reach");

	access_unmap(&bench->access, REGION_IOVA, size);
	refused = true;
	for (i = 0; i < pages; i += pages - 1)
		refused &= write_to(bench, REGION_IOVA + i * bench->page_size, i + 1) ==
				   TESTDEV_REFUSED && is_untouched(bench, i + 1);
	report(refused, "both ends of the unmapped region are out of reach");
}

/* Mappings come and go at random; each is checked at one random page. */
static void test_rounds(struct bench *bench)
{
	unsigned int random = 1, round;
	bool good = true;

	for (round = 0; round < ROUNDS; round++) {
		size_t pages, first, probe;
		uint64_t iova;

		random = random * 1103515245u + 12345u;
		pages = 1 + (random >> 16) % 40;
		first = (random >> 8) % (MOST_PAGES - 40);
		probe = (random >> 24) % pages;
		iova = REGION_IOVA + (uint64_t)((random >> 4) % 1000) * bench->page_size;

		access_map(&bench->access, iova, page_at(bench, first),
			   pages * bench->page_size, true);
		good &= write_to(bench, iova + probe * bench->page_size, first + probe) ==
				TESTDEV_DONE && has_landed(bench, first + probe);
		access_unmap(&bench->access, iova, pages * bench->page_size);
	}
	report(good, "mappings that come and go always lead to their own pages");
}

int main(int argc, char **argv)
{
	struct bench bench = { .page_size = (size_t)sysconf(_SC_PAGESIZE) };

	if (argc != 3)
		errx(2, "usage: vfio-dma ADDRESS type1|type1v2|iommufd");
	puts("KTAP version 1\n1..8");
	access_open(&bench.access, access_mode_by_name(argv[2]), argv[1]);
	bench.bar = access_registers(&bench.access, TESTDEV_BAR_SIZE);
	bench.memory = mmap(NULL, MOST_PAGES * bench.page_size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (bench.memory == MAP_FAILED ||
	    mlock(bench.memory, MOST_PAGES * bench.page_size))
		err(1, "memory");

	test_one_page(&bench);
	test_region(&bench);
	test_rounds(&bench);
	return report_status();
}
