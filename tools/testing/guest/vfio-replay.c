// SPDX-License-Identifier: GPL-2.0
/*
 * vfio-replay ADDRESS COUNT
 *
 * Fills a domain that no device is attached to with COUNT single pages, none next to
 * another, and attaches the device to it, so that the driver has to tell the IOMMU of
 * all of them at once; prints how long that took in microseconds.  Detached and
 * attached again it has to do it once more, which is printed as well.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "vfio-access.h"

#define IOVA 0x40000000ull

static uint64_t now_us(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now))
		err(1, "clock_gettime");
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Makes another address space and a domain for it, and leaves both unattached. */
static uint32_t new_domain(struct access *access)
{
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct iommu_hwpt_alloc domain = { .size = sizeof(domain) };

	if (ioctl(access->address_space, IOMMU_IOAS_ALLOC, &ioas))
		err(1, "IOMMU_IOAS_ALLOC");
	access->ioas = ioas.out_ioas_id;
	domain.dev_id = access->device_id;
	domain.pt_id = ioas.out_ioas_id;
	if (ioctl(access->address_space, IOMMU_HWPT_ALLOC, &domain))
		err(1, "IOMMU_HWPT_ALLOC");
	return domain.out_hwpt_id;
}

static void attach(const struct access *access, uint32_t domain)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = domain,
	};

	if (ioctl(access->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach))
		err(1, "VFIO_DEVICE_ATTACH_IOMMUFD_PT");
}

static uint64_t time_attach(const struct access *access, uint32_t domain)
{
	uint64_t start = now_us();

	attach(access, domain);
	return now_us() - start;
}

int main(int argc, char **argv)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned long count, number;
	uint64_t first, again;
	struct access access;
	uint32_t home, domain;
	char *memory;

	if (argc != 3 || !(count = strtoul(argv[2], NULL, 10)))
		errx(2, "usage: vfio-replay ADDRESS COUNT");
	access_open(&access, ACCESS_IOMMUFD, argv[1]);
	home = access.ioas;
	domain = new_domain(&access);
	memory = mmap(NULL, count * page, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (memory == MAP_FAILED)
		err(1, "no %lu pages", count);
	for (number = 0; number < count; number++)
		access_map(&access, IOVA + 2 * number * page, memory + number * page,
			   page, true);

	first = time_attach(&access, domain);
	attach(&access, home);
	again = time_attach(&access, domain);
	printf("attach %llu\nreattach %llu\n", (unsigned long long)first,
	       (unsigned long long)again);
	return 0;
}
