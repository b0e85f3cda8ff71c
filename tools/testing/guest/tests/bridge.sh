#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# Functions behind a PCIe-to-PCI bridge, which puts its own requester ID in the place
# of theirs.  Firmware lists both IDs and the device knows only one of them.  The C
# driver asks for the first and then gives up the whole IOMMU.

. /rv/lib/all.sh
. /rv/lib/trace.sh
. /rv/lib/figures.sh

# QEMU's pcie-pci-bridge.
bridge=$(
	for function in "$PCI"/*; do
		[ "$(cat "$function/vendor" "$function/device" | xargs)" = "0x1b36 0x000e" ] &&
			echo "${function##*/}"
	done
)
[ -n "$bridge" ] || ktap_skip_all "the machine has no PCIe-to-PCI bridge"
TESTDEV=01.0
DISK=02.0

# behind_bridge SLOT: the address of that function.
behind_bridge()
{
	for function in "$PCI/$bridge"/*:"$1"; do
		[ -d "$function" ] && echo "${function##*/}"
	done
}

testdev=$(behind_bridge $TESTDEV)
disk=$(behind_bridge $DISK)
# What the bridge puts in the place of all functions: its secondary bus and no more.
seen=${testdev%:*}:00.0

all_are_in_one_group()
{
	for function in "$testdev" "$disk"; do
		is_behind_iommu "$function" || return 1
		[ "$(group_of "$function")" = "$(group_of "$bridge")" ] || return 1
	done
}

disk_delivers()
{
	found=$(dd if="$(pci_block "$disk")" bs=1M iflag=direct status=none |
		sha256sum | cut -d ' ' -f 1)
	echo "the disk has $found and should have $RV_HOT0_SHA256"
	[ "$found" = "$RV_HOT0_SHA256" ]
}

# Those that the device does not know are answered with an error.
both_ids_were_probed()
{
	echo "$(figure probe sent) PROBE, $(figure probe failed) failed"
	[ "$(figure probe failed)" = 2 ]
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

ktap_plan 7
check_equal "the bridge has both functions" 2 "$(echo "$testdev" "$disk" | wc -w)"
check "they are in the group of the bridge" all_are_in_one_group
check_equal "what is reserved for them is what is reserved for the others" \
	"$(cat "$GROUPS_DIR/$(group_of "$RV_TESTDEV_PCI")/reserved_regions")" \
	"$(cat "$GROUPS_DIR/$(group_of "$testdev")/reserved_regions")"
check "a disk delivers its content" disk_delivers
check "the device was asked for both IDs of both functions" both_ids_were_probed
check "a fault is one of the function that has the ID" fault_is_resolved
check "the disk works on when the other function is removed" disk_outlives_its_neighbour
ktap_done
