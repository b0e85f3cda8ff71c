// SPDX-License-Identifier: GPL-2.0
/*
 * vfio-time ADDRESS type1|type1v2|iommufd MIB
 *
 * Maps that much memory for a device, once as a whole, and unmaps it; prints how
 * long each took in microseconds.  The memory is populated before, so that it is
 * pinned and mapped but not allocated in the time that is measured.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "vfio-access.h"

#define IOVA 0x40000000ull

static uint64_t now_us(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now))
		err(1, "clock_gettime");
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
	struct access access;
	uint64_t start, mapped, unmapped;
	unsigned long mib;
	size_t size;
	void *memory;

	if (argc != 4 || !(mib = strtoul(argv[3], NULL, 10)))
		errx(2, "usage: vfio-time ADDRESS type1|type1v2|iommufd MIB");
	size = (size_t)mib << 20;
	access_open(&access, access_mode_by_name(argv[2]), argv[1]);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (memory == MAP_FAILED)
		err(1, "no %lu MiB", mib);

	start = now_us();
	access_map(&access, IOVA, memory, size, true);
	mapped = now_us();
	access_unmap(&access, IOVA, size);
	unmapped = now_us();
	printf("map %llu\nunmap %llu\n", (unsigned long long)(mapped - start),
	       (unsigned long long)(unmapped - mapped));
	return 0;
}
