// SPDX-License-Identifier: GPL-2.0
/*
 * vfio-time ADDRESS type1|type1v2|iommufd MIB [small|huge|scattered]
 *
 * Maps that much memory for a device, once as a whole, and unmaps it; prints how
 * long each took in microseconds.  The memory is populated before, so that it is
 * pinned and mapped but not allocated in the time that is measured.
 *
 * Small pages are next to each other in physical memory as far as the kernel hands
 * them out so.  Huge ones are what memory of a virtual machine should be in, and have
 * to be reserved.  Scattered, no page is next to its neighbour, as in a machine that
 * ran for long: each is a mapping of its own.
 */
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "vfio-access.h"

#define IOVA 0x40000000ull

static uint64_t now_us(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now))
		err(1, "clock_gettime");
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Touches every other page, and then the ones between them. */
static void populate_scattered(char *memory, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t first, offset;

	if (madvise(memory, size, MADV_NOHUGEPAGE) && errno != EINVAL)
		err(1, "MADV_NOHUGEPAGE");
	for (first = 0; first <= page; first += page)
		for (offset = first; offset < size; offset += 2 * page)
			memory[offset] = 1;
}

static void *new_memory(size_t size, const char *kind)
{
	bool scattered = !strcmp(kind, "scattered");
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	void *memory;

	if (!strcmp(kind, "huge"))
		flags |= MAP_HUGETLB;
	if (!scattered)
		flags |= MAP_POPULATE;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (memory == MAP_FAILED)
		err(1, "no %zu MiB", size >> 20);
	if (scattered)
		populate_scattered(memory, size);
	return memory;
}

static bool is_kind(const char *kind)
{
	return !strcmp(kind, "small") || !strcmp(kind, "huge") ||
	       !strcmp(kind, "scattered");
}

int main(int argc, char **argv)
{
	struct access access;
	uint64_t start, mapped, unmapped;
	const char *kind = "small";
	unsigned long mib;
	size_t size;
	void *memory;

	if (argc == 5)
		kind = argv[4];
	if (argc < 4 || argc > 5 || !is_kind(kind) || !(mib = strtoul(argv[3], NULL, 10)))
		errx(2, "usage: vfio-time ADDRESS type1|type1v2|iommufd MIB [small|huge|scattered]");
	size = (size_t)mib << 20;
	access_open(&access, access_mode_by_name(argv[2]), argv[1]);
	memory = new_memory(size, kind);

	start = now_us();
	access_map(&access, IOVA, memory, size, true);
	mapped = now_us();
	access_unmap(&access, IOVA, size);
	unmapped = now_us();
	printf("map %llu\nunmap %llu\n", (unsigned long long)(mapped - start),
	       (unsigned long long)(unmapped - mapped));
	return 0;
}
