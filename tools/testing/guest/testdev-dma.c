// SPDX-License-Identifier: GPL-2.0
/*
 * testdev-dma ADDRESS IOVA [COUNT]    makes iommu-testdev write to an IOVA
 * testdev-dma ADDRESS own-page        ... to a physical address of this process
 *
 * Prints one word: done, refused, mismatch or the result in hexadecimal.  The device
 * must have no driver, so that it stays in the domain that the kernel gave it.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "testdev.h"

#define PCI_COMMAND 4
#define MEMORY_AND_MASTER 6

static int open_attribute(const char *address, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", address, name);
	fd = open(path, O_RDWR);
	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static volatile uint32_t *map_registers(const char *address)
{
	uint16_t command;
	void *bar;
	int fd;

	fd = open_attribute(address, "config");
	if (pread(fd, &command, sizeof(command), PCI_COMMAND) != sizeof(command))
		err(1, "reading the command register");
	command |= MEMORY_AND_MASTER;
	if (pwrite(fd, &command, sizeof(command), PCI_COMMAND) != sizeof(command))
		err(1, "writing the command register");
	close(fd);

	fd = open_attribute(address, "resource0");
	bar = mmap(NULL, TESTDEV_BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bar == MAP_FAILED)
		err(1, "mapping resource0");
	close(fd);
	return bar;
}

static void print_result(uint32_t result)
{
	switch (result) {
	case TESTDEV_DONE:
		puts("done");
		break;
	case TESTDEV_REFUSED:
		puts("refused");
		break;
	case TESTDEV_MISMATCH:
		puts("mismatch");
		break;
	default:
		printf("%#x\n", result);
	}
}

/* What the device reports must also be what the processor sees in the page. */
static uint32_t write_own_page(volatile uint32_t *bar)
{
	const long size = sysconf(_SC_PAGESIZE);
	uint32_t *page = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	uint64_t physical;
	uint32_t result;

	if (page == MAP_FAILED || mlock(page, (size_t)size))
		err(1, "a locked page");
	memset(page, 0, (size_t)size);
	physical = physical_address(page);
	result = testdev_write(bar, physical, physical, 4);
	if (result == TESTDEV_DONE && *(volatile uint32_t *)page != TESTDEV_PATTERN)
		return TESTDEV_MISMATCH;
	return result;
}

int main(int argc, char **argv)
{
	volatile uint32_t *bar;
	uint32_t result = 0;
	uint64_t iova;
	long count;

	if (argc < 3 || argc > 4)
		errx(2, "usage: testdev-dma ADDRESS IOVA|own-page [COUNT]");
	bar = map_registers(argv[1]);
	if (!strcmp(argv[2], "own-page")) {
		print_result(write_own_page(bar));
		return 0;
	}
	iova = strtoull(argv[2], NULL, 0);
	count = argc > 3 ? strtol(argv[3], NULL, 0) : 1;
	while (count-- > 0)
		result = testdev_write(bar, iova, 0, 4);
	print_result(result);
	return 0;
}
