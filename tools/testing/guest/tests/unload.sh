#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# The driver stays as long as a device is behind it.  Once all are gone it can be
# unloaded and loaded again, and the devices come back behind it and work.

. /rv/lib/all.sh

MODULE=/rv/modules/$RV_DRIVER/virtio-iommu.ko
[ -f "$MODULE" ] || ktap_skip_all "the driver is built in"
driver=/sys/bus/virtio/drivers/virtio_iommu
virtio=$(pci_virtio "$RV_IOMMU_PCI")

unload_is_refused()
{
	if rmmod virtio_iommu 2>/tmp/rmmod; then
		echo "rmmod succeeded"
		return 1
	fi
	[ -d /sys/module/virtio_iommu ]
}

is_loaded()
{
	[ -d /sys/module/virtio_iommu ] && [ "$(link_name "$driver/$virtio")" = "$virtio" ]
}

disk_has_known_content()
{
	found=$(dd if="$(pci_block "$RV_BLK_PCI")" bs=1M count=$((RV_DISK_KNOWN / 1048576)) \
		iflag=direct status=none | sha256sum | cut -d ' ' -f 1)
	echo "the disk has $found"
	[ "$found" = "$RV_BLK_SHA256" ]
}

ktap_plan 9
check "rmmod is refused while devices are behind the driver" unload_is_refused
if [ "$RV_DRIVER" = rust ]; then
	check "sysfs offers no way to unbind the driver" test ! -e "$driver/unbind"
else
	ktap_skip "sysfs offers no way to unbind the driver" \
		"the C driver offers it, and frees what is still in use"
fi
check "all devices leave, and all groups with them" remove_endpoints
check "then the driver can be unloaded" rmmod virtio_iommu
check "it says so" wait_until 5 log_says "virtio_iommu $virtio: device removed"
check "it can be loaded again" insmod "$MODULE"
check "it is bound again" is_loaded
echo 1 >/sys/bus/pci/rescan
check "all devices are back behind it" wait_until 30 all_are_behind_iommu
wait_until 30 has_disk "$RV_BLK_PCI"
check "the disk works" disk_has_known_content
ktap_done
