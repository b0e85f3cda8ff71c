#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# A device in the hands of user space reaches what is mapped for it and no more:
# by VFIO's type1 containers and by iommufd.

. /rv/lib/all.sh
. /rv/lib/vfio.sh

[ -n "$RV_TESTDEV_PCI" ] || ktap_skip_all "the machine has no iommu-testdev"
FAULT_IOVA=0x10000000

ktap_plan 13
check "vfio accepts a machine without interrupt remapping" vfio_allow_interrupts
check "vfio-pci takes the device" pci_bind "$RV_TESTDEV_PCI" vfio-pci
for mode in type1 type1v2 iommufd; do
	# The messages are rate-limited, and earlier ones count.
	sleep 6
	mark=$(log_mark)
	ktap_subtest "$mode: reachable is what is mapped" vfio-dma "$RV_TESTDEV_PCI" "$mode"
	check "$mode: the write to an unmapped page was reported" wait_for_log "$mark" 10 \
		"$(fault_line "$RV_TESTDEV_PCI" "$FAULT_IOVA" "")"
	check "$mode: the write to a read-only page was reported" wait_for_log "$mark" 10 \
		"$(fault_line "$RV_TESTDEV_PCI" "$FAULT_IOVA" W)"
done
pci_release "$RV_TESTDEV_PCI"
check_equal "the group is the kernel's again" "$EXPECTED_TYPE" \
	"$(group_type "$(group_of "$RV_TESTDEV_PCI")")"
if is_translated; then
	check_equal "nothing of user space's mappings is left" refused \
		"$(testdev-dma "$RV_TESTDEV_PCI" "$FAULT_IOVA")"
else
	check_equal "the device reaches physical memory again" "done" \
		"$(testdev-dma "$RV_TESTDEV_PCI" own-page)"
fi
ktap_done
