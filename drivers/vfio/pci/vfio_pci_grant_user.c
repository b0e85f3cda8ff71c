// SPDX-License-Identifier: GPL-2.0
/*
 * What administrators and users are told of memory types, and what they can say.
 */
#include <linux/nospec.h>
#include <linux/pci.h>
#include <linux/sysfs.h>
#include <linux/uaccess.h>
#include <linux/vfio_pci_core.h>
#include <uapi/linux/vfio_pci_grant.h>

#include "vfio_pci_grant.h"

static const char * const word_names[] = {
	[VFIO_PCI_GRANT_AUTO]		= "auto",
	[VFIO_PCI_GRANT_DEVICE]		= "device",
	[VFIO_PCI_GRANT_NORMAL_NC]	= "normal-nc",
};

static ssize_t override_show(struct device *dev, struct device_attribute *attr, char *buffer)
{
	struct vfio_pci_core_device *vdev = dev_get_drvdata(dev);

	return sysfs_emit(buffer, "%s\n", word_names[READ_ONCE(vdev->grant.word)]);
}

static ssize_t override_store(struct device *dev, struct device_attribute *attr,
			      const char *buffer, size_t count)
{
	struct vfio_pci_core_device *vdev = dev_get_drvdata(dev);
	int word = sysfs_match_string(word_names, buffer);

	if (word < 0)
		return word;
	WRITE_ONCE(vdev->grant.word, word);
	return count;
}
static DEVICE_ATTR_RW(override);

static int emit_bar(struct vfio_pci_core_device *vdev, unsigned int index, char *buffer, int at)
{
	struct vfio_pci_grant_answer answer = vfio_pci_grant_ask(vdev, index);
	unsigned long flags = pci_resource_flags(vdev->pdev, index);

	if (!(flags & IORESOURCE_MEM) || !pci_resource_len(vdev->pdev, index))
		return 0;

	return sysfs_emit_at(buffer, at, "bar%u: %s: %s (%s%s%s%s%s)\n", index,
			     answer.granted ? "normal-nc" : "device", answer.why, answer.position,
			     flags & IORESOURCE_MEM_64 ? ", 64-bit" : "",
			     flags & IORESOURCE_PREFETCH ? ", prefetchable" : "",
			     pci_resource_len(vdev->pdev, index) < PAGE_SIZE ? ", sub-page" : "",
			     vdev->grant.place.msix_bar == index ? ", MSI-X table" : "");
}

static ssize_t bars_show(struct device *dev, struct device_attribute *attr, char *buffer)
{
	struct vfio_pci_core_device *vdev = dev_get_drvdata(dev);
	unsigned int index;
	int at = 0;

	for (index = 0; index < PCI_STD_NUM_BARS; index++)
		at += emit_bar(vdev, index, buffer, at);
	return at;
}
static DEVICE_ATTR_RO(bars);

static struct attribute *grant_attrs[] = {
	&dev_attr_override.attr,
	&dev_attr_bars.attr,
	NULL
};

static const struct attribute_group grant_group = {
	.name	= "vfio_memory_type",
	.attrs	= grant_attrs,
};

/* The device works without the files. */
void vfio_pci_grant_show(struct vfio_pci_core_device *vdev)
{
	int error = sysfs_create_group(&vdev->pdev->dev.kobj, &grant_group);

	if (error)
		pci_warn(vdev->pdev, "no files for memory types: %d\n", error);
}

void vfio_pci_grant_hide(struct vfio_pci_core_device *vdev)
{
	sysfs_remove_group(&vdev->pdev->dev.kobj, &grant_group);
}

static int set_type(struct vfio_pci_core_device *vdev, unsigned int index, u32 type)
{
	bool wanted = type == VFIO_PCI_BAR_TYPE_NORMAL_NC;

	if (type != VFIO_PCI_BAR_TYPE_DEVICE && !wanted)
		return -EINVAL;
	if (!vfio_pci_grant_may_have(vfio_pci_grant_ask(vdev, index).granted, wanted))
		return -EPERM;
	if (!wanted)
		WRITE_ONCE(vdev->grant.lowered[index], true);
	return 0;
}

int vfio_pci_grant_feature(struct vfio_pci_core_device *vdev, u32 flags, void __user *arg,
			   size_t argsz)
{
	struct vfio_device_feature_pci_bar_type bar;
	int ret = vfio_check_feature(flags, argsz,
				     VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET,
				     sizeof(bar));

	if (ret != 1)
		return ret;
	/* One or the other. */
	if ((flags & VFIO_DEVICE_FEATURE_GET) && (flags & VFIO_DEVICE_FEATURE_SET))
		return -EINVAL;
	if (copy_from_user(&bar, arg, sizeof(bar)))
		return -EFAULT;
	if (bar.index >= PCI_STD_NUM_BARS)
		return -EINVAL;
	bar.index = array_index_nospec(bar.index, PCI_STD_NUM_BARS);
	if (!vdev->bar_mmap_supported[bar.index])
		return -EINVAL;

	if (flags & VFIO_DEVICE_FEATURE_SET)
		return set_type(vdev, bar.index, bar.type);

	bar.type = vfio_pci_grant_ask(vdev, bar.index).granted ? VFIO_PCI_BAR_TYPE_NORMAL_NC :
								  VFIO_PCI_BAR_TYPE_DEVICE;
	return copy_to_user(arg, &bar, sizeof(bar)) ? -EFAULT : 0;
}
