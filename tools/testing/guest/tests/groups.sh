#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# Each device that the machine puts behind the IOMMU is in a group of its own, and
# all groups are of the type that the kernel's command line asks for.

. /rv/lib/all.sh

[ -n "$RV_IOMMU_PCI" ] || ktap_skip_all "the machine has no virtio-iommu"

groups_of_other_types()
{
	for group in "$GROUPS_DIR"/*; do
		read -r type <"$group/type"
		[ "$type" = "$EXPECTED_TYPE" ] || echo "${group##*/}: $type"
	done
}

every_group_is_alone()
{
	for address in $(endpoints); do
		members=$(ls "$GROUPS_DIR/$(group_of "$address")/devices")
		if [ "$members" != "$address" ]; then
			echo "with $address:" "$members"
			return 1
		fi
	done
}

# shellcheck disable=SC2046 # one word per address
set -- $(endpoints)
ktap_plan $(($# + 2))
for address; do
	check "$address is in a group of type $EXPECTED_TYPE" is_behind_iommu "$address"
done
check_equal "no group is of another type than $EXPECTED_TYPE" "" "$(groups_of_other_types)"
check "every device is alone in its group" every_group_is_alone
ktap_done
