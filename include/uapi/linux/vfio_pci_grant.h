/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The memory type with which KVM may map a BAR, as a feature of a VFIO device.
 */
#ifndef _UAPI_VFIO_PCI_GRANT_H
#define _UAPI_VFIO_PCI_GRANT_H

#include <linux/types.h>
#include <linux/vfio.h>

/*
 * Get: with @index set, says the most that vfio-pci allows a mapping of this BAR made now. What a
 * guest gets can be less: KVM has other limits too, such as kvm-arm.s2_normal_nc=0.
 * Set: lowers the type for mappings that are made from now on, until the device is closed. Fails
 * with EPERM if @type is more than what Get says.
 *
 * The number is far from those of the common features.
 */
#define VFIO_DEVICE_FEATURE_PCI_BAR_TYPE	0x8000

struct vfio_device_feature_pci_bar_type {
	__u32	index;			/* a BAR's region, VFIO_PCI_BAR*_REGION_INDEX */
	__u32	type;
#define VFIO_PCI_BAR_TYPE_DEVICE	0	/* Device-nGnRE */
#define VFIO_PCI_BAR_TYPE_NORMAL_NC	1	/* or Normal Non-cacheable, as the guest wants */
};

#endif /* _UAPI_VFIO_PCI_GRANT_H */
