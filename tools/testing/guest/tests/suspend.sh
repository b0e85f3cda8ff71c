#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# The devices sleep and wake up: what was mapped before is mapped again, whoever had
# no mapping still has none, and faults are reported as before.  They go the ways into
# suspend-to-idle, hibernation and suspend to memory, and turn back before the machine
# itself would sleep: it could be too slow for a clock to wake it up.

. /rv/lib/all.sh

[ -n "$RV_BLK_PCI" ] || ktap_skip_all "the machine has no disks"
[ -f /sys/power/pm_test ] || ktap_skip_all "the kernel has no /sys/power/pm_test"
STATES="freeze disk mem"
PART=$((1024 * 1024))

# until_level LEVEL: at which a sleep is to turn back.
until_level()
{
	for kind in suspend hibernate; do
		echo 0 >"/sys/module/$kind/parameters/pm_test_delay" || return 1
	done
	echo "$1" >/sys/power/pm_test
}

# sleep_and_wake STATE MARK
sleep_and_wake()
{
	case $1 in
	# Everything that is not a processor.
	freeze) until_level devices ;;
	# Everything but the image in memory.
	disk) until_level core ;;
	mem) until_level core && echo deep >/sys/power/mem_sleep ;;
	esac || return 1
	echo "$1" >/sys/power/state || return 1
	! log_since "$2" | grep -i 'failed to\|error -'
}

# read_part ADDRESS: in small pieces, so that it takes a while; prints the checksum.
read_part()
{
	dd if="$(pci_block "$1")" bs=4096 count=$((PART / 4096)) iflag=direct status=none |
		sha256sum | cut -d ' ' -f 1
}

# write_arrives NAME ADDRESS: at the host, not only in the guest.
write_arrives()
{
	dd if=/dev/urandom of=/tmp/pattern bs="$PART" count=1 status=none
	dd if=/tmp/pattern of="$(pci_block "$2")" bs=65536 \
		seek=$((RV_DISK_KNOWN / 65536)) oflag=direct conv=notrunc status=none || return 1
	sync
	[ "$(rv_host disk_sha256 "$1" "$RV_DISK_KNOWN" "$PART")" = \
		"$(sha256sum </tmp/pattern | cut -d ' ' -f 1)" ]
}

no_faults_since()
{
	! log_since "$1" | grep ' fault from EP \|could not move EP '
}

# Each function waits for the IOMMU when it wakes up, and not the other way round.
endpoints_are_linked()
{
	for address in $(endpoints); do
		if [ ! -e "$PCI/$address/supplier:virtio:$(pci_virtio "$RV_IOMMU_PCI")" ]; then
			echo "$address does not depend on the IOMMU"
			return 1
		fi
	done
}

ktap_plan $((4 * $(echo "$STATES" | wc -w) + 4))
check "each function depends on the IOMMU" endpoints_are_linked
check "a stray access is refused and reported" fault_is_reported 0x12345000
nvme=$(rv_host disk_sha256 nvme0 0 "$PART")
blk=$(rv_host disk_sha256 blk0 0 "$PART")
for state in $STATES; do
	mark=$(log_mark)
	read_part "$RV_NVME_PCI" >/tmp/asleep &
	check "$state: sleep and wake up" sleep_and_wake "$state" "$mark"
	wait
	check_equal "$state: a reader that slept gets what it wanted" \
		"$nvme" "$(cat /tmp/asleep)"
	check_equal "$state: the other disk works too" "$blk" "$(read_part "$RV_BLK_PCI")"
	check "$state: nothing met a missing mapping" no_faults_since "$mark"
done
check "a stray access is still refused and reported" fault_is_reported 0x23456000
check "what is written arrives" write_arrives nvme0 "$RV_NVME_PCI"
ktap_done
