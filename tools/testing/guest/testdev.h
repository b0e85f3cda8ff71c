/* SPDX-License-Identifier: GPL-2.0 */
/*
 * QEMU's iommu-testdev (PCI 1b36:0005): it writes a pattern to an address through
 * the IOMMU, then looks at a physical address without it whether the pattern is there.
 */
#ifndef GUEST_TESTDEV_H
#define GUEST_TESTDEV_H

#include <stdint.h>

#define TESTDEV_BAR_SIZE 4096
#define TESTDEV_PATTERN 0x12345678u

enum testdev_result {
	TESTDEV_DONE = 0,
	TESTDEV_REFUSED = 0xdead0002,
	TESTDEV_MISMATCH = 0xdead0004,
};

/* Writes @length bytes of pattern to @iova; looks for them at @physical. */
uint32_t testdev_write(volatile uint32_t *bar, uint64_t iova,
		       uint64_t physical, uint32_t length);

/* Physical address of a page of this process, which must be there and stay. */
uint64_t physical_address(const void *page);

#endif
