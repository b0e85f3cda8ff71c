#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# Without translation a device reaches physical memory at its own address; with it,
# the very same access is refused.

. /rv/lib/all.sh

[ -n "$RV_TESTDEV_PCI" ] || ktap_skip_all "the machine has no iommu-testdev"

# The type of a group may change while its device has no driver.
change_type()
{
	echo "$1" >"$GROUPS_DIR/$(group_of "$RV_TESTDEV_PCI")/type" &&
		[ "$(group_type "$(group_of "$RV_TESTDEV_PCI")")" = "$1" ]
}

expected_result()
{
	[ "$1" = identity ] && echo "done" || echo refused
}

original=$EXPECTED_TYPE
ktap_plan 8
check_equal "as booted, the device's access to physical memory" \
	"$(expected_result "$original")" "$(testdev-dma "$RV_TESTDEV_PCI" own-page)"
for type in identity DMA identity; do
	check "the group changes its type to $type" change_type "$type"
	check_equal "then the device's access to physical memory" \
		"$(expected_result "$type")" "$(testdev-dma "$RV_TESTDEV_PCI" own-page)"
done
check "the group changes back to $original" change_type "$original"
ktap_done
