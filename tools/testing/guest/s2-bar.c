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

void s2_write_command(int device, uint16_t command)
{
	struct vfio_region_info config = s2_find_region(device, VFIO_PCI_CONFIG_REGION_INDEX);

	if (pwrite(device, &command, sizeof(command), (off_t)config.offset + PCI_COMMAND) !=
	    sizeof(command))
		err(1, "the command register");
}
