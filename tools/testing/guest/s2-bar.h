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

/* Where its registers for power management are in its configuration space; 0: it has none. */
uint8_t s2_find_power(int device);
/* Its power state, as far as it lets it be set: PCI_PM_CTRL_STATE_MASK of the register at @power. */
uint16_t s2_set_power(int device, uint8_t power, uint16_t state);

#endif
