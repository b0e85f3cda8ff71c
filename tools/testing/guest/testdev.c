// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "testdev.h"

enum testdev_register {
	TRIGGER = 0x00 / 4,
	IOVA_LOW = 0x04 / 4,
	IOVA_HIGH = 0x08 / 4,
	LENGTH = 0x0c / 4,
	RESULT = 0x10 / 4,
	DOORBELL = 0x14 / 4,
	PHYSICAL_LOW = 0x1c / 4,
	PHYSICAL_HIGH = 0x20 / 4,
};

uint32_t testdev_write(volatile uint32_t *bar, uint64_t iova,
		       uint64_t physical, uint32_t length)
{
	bar[IOVA_LOW] = (uint32_t)iova;
	bar[IOVA_HIGH] = (uint32_t)(iova >> 32);
	bar[PHYSICAL_LOW] = (uint32_t)physical;
	bar[PHYSICAL_HIGH] = (uint32_t)(physical >> 32);
	bar[LENGTH] = length;
	bar[DOORBELL] = 1;
	/* The read itself starts the transfer and returns after it. */
	(void)bar[TRIGGER];
	return bar[RESULT];
}

uint64_t physical_address(const void *page)
{
	const uint64_t present = 1ull << 63, frame_bits = (1ull << 55) - 1;
	const uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	const uint64_t address = (uint64_t)(uintptr_t)page;
	uint64_t entry;
	int fd = open("/proc/self/pagemap", O_RDONLY);

	if (fd < 0)
		err(1, "/proc/self/pagemap");
	if (pread(fd, &entry, sizeof(entry),
		  (off_t)(address / page_size * sizeof(entry))) != sizeof(entry))
		err(1, "reading /proc/self/pagemap");
	close(fd);
	if (!(entry & present) || !(entry & frame_bits))
		errx(1, "no physical page behind %p", page);
	return (entry & frame_bits) * page_size + address % page_size;
}
