/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which BARs KVM may map with more than Device memory, as the rest of vfio-pci sees it.
 *
 * Without CONFIG_VFIO_PCI_GRANT_RUST all of them are, as they always were.
 */
#ifndef __VFIO_PCI_GRANT_INTERNAL_H
#define __VFIO_PCI_GRANT_INTERNAL_H

#include <linux/mm.h>
#include <linux/vfio_pci_core.h>

#ifdef CONFIG_VFIO_PCI_GRANT_RUST

void vfio_pci_grant_init(struct vfio_pci_core_device *vdev);
struct vfio_pci_grant_answer vfio_pci_grant_ask(struct vfio_pci_core_device *vdev,
						unsigned int index);
vm_flags_t vfio_pci_grant_flags(struct vfio_pci_core_device *vdev, unsigned int index);
void vfio_pci_grant_open(struct vfio_pci_core_device *vdev);
void vfio_pci_grant_drain(struct vfio_pci_core_device *vdev);
int vfio_pci_grant_feature(struct vfio_pci_core_device *vdev, u32 flags, void __user *arg,
			   size_t argsz);
void vfio_pci_grant_show(struct vfio_pci_core_device *vdev);
void vfio_pci_grant_hide(struct vfio_pci_core_device *vdev);

#else

static inline void vfio_pci_grant_init(struct vfio_pci_core_device *vdev)
{
}

static inline vm_flags_t vfio_pci_grant_flags(struct vfio_pci_core_device *vdev,
					      unsigned int index)
{
	return VM_ALLOW_ANY_UNCACHED;
}

static inline void vfio_pci_grant_open(struct vfio_pci_core_device *vdev)
{
}

static inline void vfio_pci_grant_drain(struct vfio_pci_core_device *vdev)
{
}

static inline int vfio_pci_grant_feature(struct vfio_pci_core_device *vdev, u32 flags,
					 void __user *arg, size_t argsz)
{
	return -ENOTTY;
}

static inline void vfio_pci_grant_show(struct vfio_pci_core_device *vdev)
{
}

static inline void vfio_pci_grant_hide(struct vfio_pci_core_device *vdev)
{
}

#endif /* CONFIG_VFIO_PCI_GRANT_RUST */

#endif /* __VFIO_PCI_GRANT_INTERNAL_H */
