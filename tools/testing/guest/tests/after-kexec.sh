#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# A kernel that another one has started finds an IOMMU that was at work, and takes over.

. /rv/lib/all.sh

[ -n "$RV_BLK_PCI" ] || ktap_skip_all "the machine has no disks"

# disk_is ADDRESS SHA256: whether its known part is what the host put there.
disk_is()
{
	found=$(dd if="$(pci_block "$1")" bs=1M count=$((RV_DISK_KNOWN >> 20)) \
		iflag=direct status=none | sha256sum | cut -d ' ' -f 1)
	echo "the disk has $found and should have $2"
	[ "$found" = "$2" ]
}

ktap_plan 5
check_equal "this is the other kernel" other "$(rv_option rv.kernel)"
check "all functions are behind the IOMMU" all_are_behind_iommu
check "an NVMe disk works" disk_is "$RV_NVME_PCI" "$RV_NVME_SHA256"
check "a virtio disk works" disk_is "$RV_BLK_PCI" "$RV_BLK_SHA256"
check "a stray access is refused and reported" fault_is_reported 0x12345000
ktap_done
