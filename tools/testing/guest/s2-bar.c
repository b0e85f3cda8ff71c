// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <unistd.h>
#include <linux/pci_regs.h>
#include <linux/vfio_pci_grant.h>

#include "s2-bar.h"

struct vfio_region_info s2_find_region(int device, uint32_t index)
{
	struct vfio_region_info region = { .argsz = sizeof(region), .index = index };

	IOCTL(device, VFIO_DEVICE_GET_REGION_INFO, &region);
	return region;
}

struct s2_source s2_map_bar(int device, uint32_t bar)
{
	struct vfio_region_info region = s2_find_region(device, bar);

	return s2_map(device, (off_t)region.offset, region.size);
}

static uint32_t ask_for_type(int device, uint32_t bar, uint32_t flags)
{
	struct {
		struct vfio_device_feature head;
		struct vfio_device_feature_pci_bar_type bar;
	} feature = {
		.head.argsz = sizeof(feature),
		.head.flags = flags | VFIO_DEVICE_FEATURE_PCI_BAR_TYPE,
		.bar.index = bar,
		.bar.type = VFIO_PCI_BAR_TYPE_DEVICE,
	};

	IOCTL(device, VFIO_DEVICE_FEATURE, &feature);
	return feature.bar.type;
}

uint32_t s2_bar_type(int device, uint32_t bar)
{
	return ask_for_type(device, bar, VFIO_DEVICE_FEATURE_GET);
}

void s2_lower_bar(int device, uint32_t bar)
{
	ask_for_type(device, bar, VFIO_DEVICE_FEATURE_SET);
}

static off_t find_config(int device)
{
	return (off_t)s2_find_region(device, VFIO_PCI_CONFIG_REGION_INDEX).offset;
}

static void write_config(int device, unsigned int at, uint16_t value)
{
	if (pwrite(device, &value, sizeof(value), find_config(device) + at) != sizeof(value))
		err(1, "writing to %#x of the configuration space", at);
}

static uint16_t read_config(int device, unsigned int at)
{
	uint16_t value;

	if (pread(device, &value, sizeof(value), find_config(device) + at) != sizeof(value))
		err(1, "reading %#x of the configuration space", at);
	return value;
}

void s2_write_command(int device, uint16_t command)
{
	write_config(device, PCI_COMMAND, command);
}

uint8_t s2_find_power(int device)
{
	uint8_t at = read_config(device, PCI_CAPABILITY_LIST) & 0xfc;

	/* A list that goes in circles ends, too. */
	for (int left = 48; at && left; left--) {
		uint16_t head = read_config(device, at);

		if ((head & 0xff) == PCI_CAP_ID_PM)
			return at;
		at = head >> 8 & 0xfc;
	}
	return 0;
}

uint16_t s2_set_power(int device, uint8_t power, uint16_t state)
{
	write_config(device, power + PCI_PM_CTRL, state);
	return read_config(device, power + PCI_PM_CTRL) & PCI_PM_CTRL_STATE_MASK;
}
