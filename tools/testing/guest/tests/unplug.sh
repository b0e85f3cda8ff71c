#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# The IOMMU itself is taken off the bus while everything behind it is in use, and
# comes back.

. /rv/lib/all.sh

[ -n "$RV_IOMMU_PCI" ] || ktap_skip_all "the machine has no virtio-iommu"
virtio=$(pci_virtio "$RV_IOMMU_PCI")
PART=$((1024 * 1024))

is_gone()
{
	[ ! -e "$PCI/$RV_IOMMU_PCI" ] && [ ! -e "/sys/class/iommu/$RV_IOMMU_PCI" ]
}

# A driver that lost its IOMMU would go on with addresses that mean nothing any more.
no_endpoint_has_a_driver()
{
	for address in $(endpoints); do
		if [ -n "$(pci_driver "$address")" ]; then
			echo "$address is still bound to $(pci_driver "$address")"
			return 1
		fi
	done
}

no_groups_are_left()
{
	[ "$(echo "$GROUPS_DIR"/*)" = "$GROUPS_DIR/*" ]
}

bring_back()
{
	echo 1 >/sys/bus/pci/rescan
	wait_until 30 is_back || return 1
	for address in $(endpoints); do
		echo "$address" >/sys/bus/pci/drivers_probe
	done
	for address in $(endpoints); do
		is_behind_iommu "$address" || return 1
	done
}

is_back()
{
	[ "$(link_name "/sys/bus/virtio/devices/$(pci_virtio "$RV_IOMMU_PCI")/driver")" = \
		virtio_iommu ]
}

disk_works()
{
	wait_until 30 has_disk "$RV_BLK_PCI" || return 1
	found=$(dd if="$(pci_block "$RV_BLK_PCI")" bs=65536 count=$((PART / 65536)) \
		iflag=direct status=none | sha256sum | cut -d ' ' -f 1)
	echo "the disk has $found and should have $expected"
	[ "$found" = "$expected" ]
}

expected=$(rv_host disk_sha256 blk0 0 "$PART")
ktap_plan 8
check "the disk works" disk_works
dd if="$(pci_block "$RV_NVME_PCI")" of=/dev/null bs=4096 iflag=direct 2>/dev/null &
echo 1 >"$PCI/$RV_IOMMU_PCI/remove"
check "the IOMMU can be taken away" is_gone
check "the driver says so" wait_until 5 log_says "virtio_iommu $virtio: device removed"
check "all functions behind it have lost their drivers" no_endpoint_has_a_driver
check "no group is left" no_groups_are_left
wait
check_equal "nothing is behind what is not there" "" "$(group_of "$RV_BLK_PCI")"
check "it comes back, and all functions with it" bring_back
check "the disk works again" disk_works
ktap_done
