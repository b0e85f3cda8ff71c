#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# What a person wants to see: the driver at work, one line for each thing.

. /rv/lib/all.sh

show_driver()
{
	driver=$(link_name "$PCI/$RV_IOMMU_PCI/$(pci_virtio "$RV_IOMMU_PCI")/driver")
	echo "demo: driver $driver bound to $RV_IOMMU_PCI" >>/tmp/demo
	[ "$driver" = virtio_iommu ]
}

show_groups()
{
	for address in $(endpoints | sort); do
		is_behind_iommu "$address" || return 1
		group=$(group_of "$address")
		echo "demo: group $group $(group_type "$group") $address" >>/tmp/demo
	done
}

show_disk()
{
	found=$(dd if="$(pci_block "$RV_BLK_PCI")" bs=1M count=$((RV_DISK_KNOWN / 1048576)) \
		iflag=direct status=none | sha256sum | cut -d ' ' -f 1)
	echo "demo: disk sha256 $found (expected $RV_BLK_SHA256)" >>/tmp/demo
	[ "$found" = "$RV_BLK_SHA256" ]
}

show_net()
{
	ifconfig "$(pci_net "$RV_NET_PCI")" "$RV_IP" netmask "$RV_MASK" up &&
		wget -q -T 60 -O /tmp/payload "$RV_HTTP/payload" || return 1
	found=$(sha256sum </tmp/payload | cut -d ' ' -f 1)
	echo "demo: net received $(wc -c </tmp/payload) bytes sha256 $found" >>/tmp/demo
	[ "$found" = "$RV_NET_SHA256" ]
}

show_fault()
{
	line=$(fault_line "$RV_TESTDEV_PCI" 0x12345000 "")
	mark=$(log_mark)
	[ "$(testdev-dma "$RV_TESTDEV_PCI" 0x12345000)" = refused ] &&
		wait_for_log "$mark" 10 "$line" || return 1
	echo "demo: fault $line" >>/tmp/demo
}

# show NAME COMMAND: the result, and the lines for the person.
show()
{
	: >/tmp/demo
	check "$@"
	cat /tmp/demo
}

ktap_plan 5
show "the driver is bound" show_driver
show "all devices are translated" show_groups
show "a disk is read" show_disk
show "the network delivers" show_net
show "a stray access is stopped and reported" show_fault
ktap_done
