#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# No memory: whatever allocation fails while an endpoint is attached, a page is mapped or
# the driver is bound, the operation fails cleanly or succeeds, and works when it is tried
# again.  What is lost on the way is for kmemleak to find.

. /rv/lib/all.sh
. /rv/lib/fault.sh
. /rv/lib/vfio.sh

MODULE=/rv/modules/$RV_DRIVER/virtio-iommu.ko
[ -f "$MODULE" ] || ktap_skip_all "the driver is built in"
[ -n "$RV_TESTDEV_PCI" ] || ktap_skip_all "the machine has no iommu-testdev"
VIRTIO_BUS=/sys/bus/virtio
VIRTIO_PCI=/sys/bus/pci/drivers/virtio-pci

# each_fails ERROR ARGUMENTS OF fail-nth...: no write ended with another error.
each_fails()
{
	allowed=$1
	shift
	fail-nth "$@" >/tmp/rounds 2>&1 || {
		cat /tmp/rounds
		return 1
	}
	ktap_note "$1: $(cat /tmp/rounds)" >>/tmp/notes
	! sed -e 's/ error 12//' -e "s/ error $allowed//" /tmp/rounds | grep error
}

# Other types than identity have many allocations that are of the IOVA allocator only.
become_identity()
{
	type_file=$GROUPS_DIR/$(group_of "$RV_TESTDEV_PCI")/type
	echo DMA >"$type_file" &&
		each_fails 12 "$type_file" identity "$type_file" "$type_file" DMA &&
		[ "$(cat "$type_file")" = identity ]
}

# The driver without its device, which the test device alone waits for.
part_driver_and_device()
{
	remove_endpoints && rmmod virtio_iommu || return 1
	echo 0 >"$VIRTIO_BUS/drivers_autoprobe"
	insmod "$MODULE" || return 1
	echo 1 >/sys/bus/pci/rescan
	for device in "$PCI"/*; do
		case ${device##*/} in
		"$RV_IOMMU_PCI" | "$RV_TESTDEV_PCI") ;;
		*) [ ! -e "$device/remove" ] || echo 1 >"$device/remove" ;;
		esac
	done
	[ -e "$PCI/$RV_TESTDEV_PCI" ] && [ -z "$(group_of "$RV_TESTDEV_PCI")" ]
}

# The function is unbound and bound again, for a new virtio device without a driver.  A
# refused drivers_probe is always EINVAL, whatever the reason.
bind_driver()
{
	virtio=$(pci_virtio "$RV_IOMMU_PCI")
	each_fails 22 "$VIRTIO_BUS/drivers_probe" "$virtio" "$VIRTIO_BUS/devices/$virtio/driver" \
		"$VIRTIO_PCI/unbind" "$RV_IOMMU_PCI" "$VIRTIO_PCI/bind" "$RV_IOMMU_PCI"
}

# probe_errors MARK: what the driver failed with, when not for lack of memory.
probe_errors()
{
	log_since "$1" | sed -n 's/.*probe with driver virtio_iommu failed with error //p' |
		sort -u | grep -vx -- -12
}

all_reach_their_addresses()
{
	is_translated || [ "$(testdev-dma "$RV_TESTDEV_PCI" own-page)" = "done" ]
}

# The devices that were away.
bring_back()
{
	echo 1 >"$VIRTIO_BUS/drivers_autoprobe"
	echo 1 >/sys/bus/pci/rescan
	wait_until 30 all_are_behind_iommu
}

ktap_plan 12
check "allocations can be made to fail" fault_enable
check "a group becomes one without translation" become_identity
check "vfio accepts a machine without interrupt remapping" vfio_allow_interrupts
check "vfio-pci takes the device" pci_bind "$RV_TESTDEV_PCI" vfio-pci
for mode in type1v2 iommufd; do
	ktap_subtest "$mode" vfio-fail-nth "$RV_TESTDEV_PCI" "$mode"
done
pci_release "$RV_TESTDEV_PCI"

check "driver and device are parted" part_driver_and_device
# Each round waits for many grace periods.
echo 1 >/sys/kernel/rcu_expedited
mark=$(log_mark)
check "the driver is bound, and finds its endpoint" bind_driver
echo 0 >/sys/kernel/rcu_expedited
check_equal "what failed lacked memory" "" "$(probe_errors "$mark")"
check "the endpoint is in its domain" all_reach_their_addresses
check "all endpoints come back behind the IOMMU" bring_back
check "the disk is back" wait_until 30 has_disk "$RV_BLK_PCI"
cat /tmp/notes
ktap_done
