#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# Functions behind a PCIe-to-PCI bridge, which puts another requester ID in the place
# of theirs.  Firmware lists both IDs and the device knows only one of them.  The C
# driver asks for the first and then gives up the whole IOMMU.  Behind a bridge of
# conventional PCI that ID is the bridge's: three functions have the same one, and for
# the device to attach one of them is to detach the others.

. /rv/lib/all.sh
. /rv/lib/trace.sh
. /rv/lib/figures.sh

# find_function DEVICE: the address of the one that QEMU has with that ID.
find_function()
{
	for function in "$PCI"/*; do
		[ "$(cat "$function/vendor" "$function/device" | xargs)" = "0x1b36 $1" ] &&
			echo "${function##*/}"
	done
}

bridge=$(find_function 0x000e)
conventional=$(find_function 0x0001)
[ -n "$bridge" ] || ktap_skip_all "the machine has no PCIe-to-PCI bridge"
[ -n "$conventional" ] || ktap_skip_all "the machine has no bridge of conventional PCI"
TESTDEV=01.0
DISK=02.0

# behind BRIDGE SLOT: the address of that function.
behind()
{
	for function in "$PCI/$1"/*:"$2"; do
		[ -d "$function" ] && echo "${function##*/}"
	done
}

testdev=$(behind "$bridge" $TESTDEV)
disk=$(behind "$bridge" $DISK)
neighbour=$(behind "$conventional" $TESTDEV)
shared=$(behind "$conventional" $DISK)
# What the bridge puts in the place of all functions: its secondary bus and no more.
seen=${testdev%:*}:00.0

all_are_in_one_group()
{
	for function in "$testdev" "$disk"; do
		is_behind_iommu "$function" || return 1
		[ "$(group_of "$function")" = "$(group_of "$bridge")" ] || return 1
	done
}

# delivers ADDRESS SHA256
delivers()
{
	found=$(dd if="$(pci_block "$1")" bs=1M iflag=direct status=none |
		sha256sum | cut -d ' ' -f 1)
	echo "the disk has $found and should have $2"
	[ "$found" = "$2" ]
}

disk_delivers()
{
	delivers "$disk" "$RV_HOT0_SHA256"
}

# Those that the device does not know are answered with an error.
both_ids_were_probed()
{
	echo "$(figure probe sent) PROBE, $(figure probe failed) failed"
	[ "$(figure probe failed)" = 4 ]
}

fault_is_resolved()
{
	mark=$(log_mark)
	trace_event iommu/io_page_fault 1 || return 1
	echo "the access ended with $(testdev-dma "$testdev" 0x12345000)"
	wait_for_log "$mark" 10 "$(fault_line "$seen" 0x12345000 "")" || return 1
	trace_event iommu/io_page_fault 0
	trace_has " $testdev iova=0x0000000012345000 flags=0x0000"
}

# The ID is still that of the disk.
disk_outlives_its_neighbour()
{
	echo 1 >"$PCI/$testdev/remove"
	[ -d "$PCI/$testdev" ] && return 1
	[ -z "$(faults_of "$testdev")" ] || return 1
	disk_delivers
}

no_faults_since()
{
	! log_since "$1" | grep ' fault from EP '
}

# The mappings of the disk's rings are older than its neighbour.
disk_works_beside_newcomer()
{
	mark=$(log_mark)
	echo 1 >"$PCI/$neighbour/remove"
	delivers "$shared" "$RV_HOT1_SHA256" || return 1
	echo 1 >/sys/bus/pci/rescan
	[ -d "$PCI/$neighbour" ] || return 1
	delivers "$shared" "$RV_HOT1_SHA256" && no_faults_since "$mark"
}

disk_outlives_reset()
{
	mark=$(log_mark)
	virtio-upset "$RV_IOMMU_PCI" || return 1
	wait_for_log "$mark" 30 "virtio_iommu $(pci_virtio "$RV_IOMMU_PCI"): was reset, as it asked for" ||
		return 1
	delivers "$shared" "$RV_HOT1_SHA256" && delivers "$disk" "$RV_HOT0_SHA256" &&
		no_faults_since "$mark"
}

ktap_plan 10
check_equal "the bridge has both functions" 2 "$(echo "$testdev" "$disk" | wc -w)"
check "they are in the group of the bridge" all_are_in_one_group
check_equal "what is reserved for them is what is reserved for the others" \
	"$(cat "$GROUPS_DIR/$(group_of "$RV_TESTDEV_PCI")/reserved_regions")" \
	"$(cat "$GROUPS_DIR/$(group_of "$testdev")/reserved_regions")"
check "a disk delivers its content" disk_delivers
check "the device was asked for both IDs of all functions" both_ids_were_probed
check "a fault is one of the function that has the ID" fault_is_resolved
check "the disk works on when the other function is removed" disk_outlives_its_neighbour
check "a disk that shares the ID of its bridge delivers" delivers "$shared" "$RV_HOT1_SHA256"
check "it works on when another one with its ID comes" disk_works_beside_newcomer
check "the disks work on when the IOMMU was reset" disk_outlives_reset
ktap_done
