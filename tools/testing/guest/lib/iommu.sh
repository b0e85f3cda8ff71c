# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
#
# IOMMU groups, and what the command line promises about them.

GROUPS_DIR=/sys/kernel/iommu_groups

# group_of ADDRESS: number of the device's group, empty if it has none.
group_of()
{
	link_name "$PCI/$1/iommu_group"
}

# group_type GROUP
group_type()
{
	read -r group_type_read <"$GROUPS_DIR/$1/type" && echo "$group_type_read"
}

# The type that the kernel's command line asks for.  Without a word there it is the
# lazy mode: the default of every fragment in tools/testing/configs.
if [ "$(rv_option iommu.passthrough)" = 1 ]; then
	EXPECTED_TYPE=identity
elif [ "$(rv_option iommu.strict)" = 1 ]; then
	EXPECTED_TYPE=DMA
else
	EXPECTED_TYPE=DMA-FQ
fi

is_translated()
{
	[ "$EXPECTED_TYPE" != identity ]
}

# is_behind_iommu ADDRESS: it has a group, of the type that the command line asks for.
is_behind_iommu()
{
	local group

	group=$(group_of "$1")
	if [ -z "$group" ]; then
		echo "$1 is in no group"
		return 1
	fi
	echo "$1 is in group $group of type $(group_type "$group")"
	[ "$(group_type "$group")" = "$EXPECTED_TYPE" ]
}

# endpoints: the addresses of all devices that the machine puts behind the IOMMU.
endpoints()
{
	sed -n "s/^RV_\([A-Z0-9]*\)_PCI='\{0,1\}\([0-9a-f:.]*\)'\{0,1\}\$/\1 \2/p" /rv/boot.env |
		while read -r name address; do
			case $name in
			IOMMU*) ;;
			*) echo "$address" ;;
			esac
		done
}

all_are_behind_iommu()
{
	for address in $(endpoints); do
		is_behind_iommu "$address" || return 1
	done
}

# Takes all functions but the IOMMU's own off the bus.
remove_endpoints()
{
	for device in "$PCI"/*; do
		address=${device##*/}
		[ "$address" = "$RV_IOMMU_PCI" ] && continue
		[ -e "$device/remove" ] && echo 1 >"$device/remove"
	done
	[ "$(echo "$GROUPS_DIR"/*)" = "$GROUPS_DIR/*" ]
}

# The name under which the driver's messages stand in the log.
iommu_log_name()
{
	echo "virtio_iommu $(pci_virtio "$RV_IOMMU_PCI")"
}

# fault_line ADDRESS IOVA FLAGS: the line that a refused access must cause.  QEMU sets
# the flags (R, W) only where something is mapped that does not allow the access.
fault_line()
{
	printf '%s: page fault from EP %d at 0x%x [%s]\n' "$(iommu_log_name)" \
		"$(endpoint_id "$1")" "$(($2))" "$3"
}

# fault_is_reported IOVA: the iommu-testdev provokes one there, and exactly its line is logged.
fault_is_reported()
{
	local mark result

	mark=$(log_mark)
	result=$(testdev-dma "$RV_TESTDEV_PCI" "$1")
	if [ "$result" != refused ]; then
		echo "the access to $1 ended with: $result"
		return 1
	fi
	wait_for_log "$mark" 10 "$(fault_line "$RV_TESTDEV_PCI" "$1" "")" || {
		echo "no line: $(fault_line "$RV_TESTDEV_PCI" "$1" "")"
		log_since "$mark" | tail -n 5
		return 1
	}
}
