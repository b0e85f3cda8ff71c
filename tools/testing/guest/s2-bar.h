/* SPDX-License-Identifier: GPL-2.0 */
/* A BAR of a function that vfio-pci has, as memory for a machine. Failures end the program. */
#ifndef GUEST_S2_BAR_H
#define GUEST_S2_BAR_H

#include <stdint.h>
#include <linux/vfio.h>

#include "s2-vm.h"

/* Where it is in the device file, and how large. */
struct vfio_region_info s2_find_region(int device, uint32_t index);

/* As much of the BAR as goes into one slot. */
struct s2_source s2_map_bar(int device, uint32_t bar);

/* VFIO_PCI_BAR_TYPE_*, and its lowering to Device. */
uint32_t s2_bar_type(int device, uint32_t bar);
void s2_lower_bar(int device, uint32_t bar);

/* The function's command register, PCI_COMMAND_*. */
void s2_write_command(int device, uint16_t command);

#endif
