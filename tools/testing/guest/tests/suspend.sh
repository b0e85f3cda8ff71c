#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# The devices sleep and wake up: what was mapped before is mapped again, whoever had
# no mapping still has none, and faults are reported as before.

. /rv/lib/all.sh

[ -n "$RV_BLK_PCI" ] || ktap_skip_all "the machine has no disks"
[ -f /sys/power/pm_test ] || ktap_skip_all "the kernel has no /sys/power/pm_test"
ROUNDS=2
PART=$((1024 * 1024))

# Everything sleeps that is not a processor, and is woken up at once.
sleep_and_wake()
{
	echo 0 >/sys/module/suspend/parameters/pm_test_delay
	echo devices >/sys/power/pm_test || return 1
	echo freeze >/sys/power/state || return 1
	! log_since "$1" | grep -i 'failed to\|error -'
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

ktap_plan $((4 * ROUNDS + 4))
check "each function depends on the IOMMU" endpoints_are_linked
check "a stray access is refused and reported" fault_is_reported 0x12345000
nvme=$(rv_host disk_sha256 nvme0 0 "$PART")
blk=$(rv_host disk_sha256 blk0 0 "$PART")
number=0
while [ "$number" -lt "$ROUNDS" ]; do
	number=$((number + 1))
	mark=$(log_mark)
	read_part "$RV_NVME_PCI" >/tmp/asleep &
	check "sleep and wake up, round $number" sleep_and_wake "$mark"
	wait
	check_equal "a reader that slept gets what it wanted, round $number" \
		"$nvme" "$(cat /tmp/asleep)"
	check_equal "the other disk works too, round $number" "$blk" "$(read_part "$RV_BLK_PCI")"
	check "nothing met a missing mapping, round $number" no_faults_since "$mark"
done
check "a stray access is still refused and reported" fault_is_reported 0x23456000
check "what is written arrives" write_arrives nvme0 "$RV_NVME_PCI"
ktap_done
