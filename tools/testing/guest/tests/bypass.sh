#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# A device that is in no domain reaches memory, unless the driver was told to disable
# that.  The IOMMU has no driver at first, and one for a moment only while no device is
# behind it, so that the device under test is never attached to anything.

. /rv/lib/all.sh

MODULE=/rv/modules/$RV_DRIVER/virtio-iommu.ko
[ -f "$MODULE" ] || ktap_skip_all "the driver is built in"
[ ! -d /sys/module/virtio_iommu ] || ktap_skip_all "the driver is loaded already"

# Takes all functions but the IOMMU's own off the bus.
remove_endpoints()
{
	for device in "$PCI"/*; do
		address=${device##*/}
		[ "$address" = "$RV_IOMMU_PCI" ] && continue
		[ -e "$device/remove" ] && echo 1 >"$device/remove"
	done
	[ ! -e "$PCI/$RV_TESTDEV_PCI" ]
}

is_bound()
{
	[ "$(link_name "/sys/bus/virtio/devices/$(pci_virtio "$RV_IOMMU_PCI")/driver")" = \
		virtio_iommu ]
}

# load_and_unload PARAMETERS...
load_and_unload()
{
	insmod "$MODULE" "$@" && is_bound && rmmod virtio_iommu
}

# access: what becomes of an access to memory by the device, which comes for it and goes.
access()
{
	echo 1 >/sys/bus/pci/rescan
	wait_until 10 test -e "$PCI/$RV_TESTDEV_PCI" || return 1
	testdev-dma "$RV_TESTDEV_PCI" own-page
	remove_endpoints >/dev/null
}

# stay: init leaves it to this test to load the driver and to say so.
stay()
{
	insmod "$MODULE" && is_bound && rv_say "iommu $RV_DRIVER loaded"
}

ktap_plan 7
check_equal "without a driver, a device reaches memory" "done" \
	"$(testdev-dma "$RV_TESTDEV_PCI" own-page)"
# Other drivers would find devices that cannot do DMA.
echo 0 >/sys/bus/pci/drivers_autoprobe
check "all devices leave" remove_endpoints
check "the driver comes and goes" load_and_unload
check_equal "it leaves that as it was" "done" "$(access)"
check "the driver comes with disable_bypass, and goes" load_and_unload disable_bypass=1
check_equal "the device reaches nothing" refused "$(access)"
check "the driver comes to stay" stay
ktap_done
