// SPDX-License-Identifier: GPL-2.0
/*
 * Facts for the policy that decides which BARs KVM may map with more than Device memory.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/vfio_pci_core.h>

#include <asm/cputype.h>

#include "vfio_pci_grant.h"

static_assert(VFIO_PCI_GRANT_BARS == PCI_STD_NUM_BARS);

static const char * const mode_names[] = {
	[VFIO_PCI_GRANT_COMPAT]		= "compat",
	[VFIO_PCI_GRANT_PCIE]		= "pcie",
	[VFIO_PCI_GRANT_PREFETCHABLE]	= "prefetchable",
	[VFIO_PCI_GRANT_OFF]		= "off",
};
static unsigned int nc_mode = VFIO_PCI_GRANT_COMPAT;

static int set_mode(const char *value, const struct kernel_param *param)
{
	int mode = sysfs_match_string(mode_names, value);

	if (mode < 0)
		return mode;
	WRITE_ONCE(nc_mode, mode);
	return 0;
}

static int get_mode(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%s\n", mode_names[READ_ONCE(nc_mode)]);
}

static const struct kernel_param_ops mode_ops = { .set = set_mode, .get = get_mode };
module_param_cb(nc_mode, &mode_ops, NULL, 0644);
MODULE_PARM_DESC(nc_mode, "Who may use Normal Non-cacheable in a guest: compat (all, default), pcie (endpoints below a root port), prefetchable (their BARs that are like memory), off");

static u32 nc_quirk;

static int set_quirk(const char *value, const struct kernel_param *param)
{
	u16 vendor, device;

	if (sscanf(value, "%hx:%hx", &vendor, &device) != 2)
		return -EINVAL;
	WRITE_ONCE(nc_quirk, (u32)vendor << 16 | device);
	return 0;
}

static int get_quirk(char *buffer, const struct kernel_param *param)
{
	u32 id = READ_ONCE(nc_quirk);

	return sysfs_emit(buffer, "%04x:%04x\n", id >> 16, id & 0xffff);
}

static const struct kernel_param_ops quirk_ops = { .set = set_quirk, .get = get_quirk };
module_param_cb(nc_quirk, &quirk_ops, NULL, 0644);
MODULE_PARM_DESC(nc_quirk, "vendor:device of functions, root ports or host bridges that cannot deal with Normal Non-cacheable; 0:0 for none");

static u32 id_of(const struct pci_dev *pdev)
{
	return pdev ? (u32)pdev->vendor << 16 | pdev->device : 0;
}

/* What the host bridge shows of itself is a function at the start of its bus, if there is one. */
static u32 host_bridge_id(struct pci_dev *pdev)
{
	struct pci_bus *bus = pdev->bus;
	struct pci_dev *bridge;
	u32 id = 0;

	while (!pci_is_root_bus(bus))
		bus = bus->parent;
	bridge = pci_get_slot(bus, PCI_DEVFN(0, 0));
	if (bridge && bridge->class >> 8 == PCI_CLASS_BRIDGE_HOST)
		id = id_of(bridge);
	pci_dev_put(bridge);
	return id;
}

static bool has_conventional_bridge(struct pci_dev *pdev)
{
	struct pci_dev *bridge;

	for (bridge = pci_upstream_bridge(pdev); bridge; bridge = pci_upstream_bridge(bridge)) {
		if (!pci_is_pcie(bridge) || pci_pcie_type(bridge) == PCI_EXP_TYPE_PCI_BRIDGE ||
		    pci_pcie_type(bridge) == PCI_EXP_TYPE_PCIE_BRIDGE)
			return true;
	}
	return false;
}

static u8 msix_bar(struct pci_dev *pdev)
{
	u32 table;

	if (!pdev->msix_cap ||
	    pci_read_config_dword(pdev, pdev->msix_cap + PCI_MSIX_TABLE, &table))
		return 0xff;
	return table & PCI_MSIX_TABLE_BIR;
}

/* Nothing of this changes while the function has a driver. */
void vfio_pci_grant_init(struct vfio_pci_core_device *vdev)
{
	struct pci_dev *pdev = vdev->pdev;

	vdev->grant.place = (struct vfio_pci_grant_place) {
		.function	= id_of(pdev),
		.root_port	= id_of(pcie_find_root_port(pdev)),
		.host_bridge	= host_bridge_id(pdev),
		.pcie		= pci_is_pcie(pdev),
		.port_type	= pci_is_pcie(pdev) ? pci_pcie_type(pdev) : 0,
		.has_bridge	= has_conventional_bridge(pdev),
		.msix_bar	= msix_bar(pdev),
	};
}

/* A new user begins without the limits of the last one. */
void vfio_pci_grant_open(struct vfio_pci_core_device *vdev)
{
	memset(vdev->grant.lowered, 0, sizeof(vdev->grant.lowered));
	vdev->grant.used = false;
}

/* @index is that of a BAR. */
struct vfio_pci_grant_answer vfio_pci_grant_ask(struct vfio_pci_core_device *vdev,
						unsigned int index)
{
	unsigned long flags = pci_resource_flags(vdev->pdev, index);

	return vfio_pci_grant_decide((struct vfio_pci_grant_facts) {
		.place		= vdev->grant.place,
		.midr		= read_cpuid_id(),
		.named		= READ_ONCE(nc_quirk),
		.mode		= READ_ONCE(nc_mode),
		.word		= READ_ONCE(vdev->grant.word),
		.lowered	= READ_ONCE(vdev->grant.lowered[index]),
		.prefetchable	= flags & IORESOURCE_PREFETCH,
		.wide		= flags & IORESOURCE_MEM_64,
		.sub_page	= pci_resource_len(vdev->pdev, index) < PAGE_SIZE,
		.has_msix_table	= vdev->grant.place.msix_bar == index,
	});
}

/* Returns the flags of a new mapping: what is decided here holds as long as that does. */
vm_flags_t vfio_pci_grant_flags(struct vfio_pci_core_device *vdev, unsigned int index)
{
	if (!vfio_pci_grant_ask(vdev, index).granted)
		return VM_NONE;

	WRITE_ONCE(vdev->grant.used, true);
	return VM_ALLOW_ANY_UNCACHED;
}

/*
 * What a guest has posted to the function arrives before a read can return. All mappings are gone,
 * so nothing more is posted after that: they were taken away, or they kept the device open.
 */
void vfio_pci_grant_drain(struct vfio_pci_core_device *vdev)
{
	u32 id;

	if (READ_ONCE(vdev->grant.used))
		pci_read_config_dword(vdev->pdev, PCI_VENDOR_ID, &id);
}
