#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# The IOMMU runs into an error and asks to be reset.  It gets that, and what was mapped
# before is mapped again; but not for ever.

. /rv/lib/all.sh
. /rv/lib/vfio.sh

[ -n "$RV_IOMMU_PCI" ] || ktap_skip_all "the machine has no virtio-iommu"
[ "$RV_DRIVER" = rust ] || ktap_skip_all "the C driver does not reset the device: it waits for \
the next answer for ever, with interrupts off"
virtio=$(pci_virtio "$RV_IOMMU_PCI")
RESET="virtio_iommu $virtio: was reset, as it asked for"
REFUSED="virtio_iommu $virtio: needs a reset and gets none: -5"
# More resets than a device gets in a minute.
MANY=20
PART=$((1024 * 1024))

# upset: as long as the program runs, the status may be of a device that was reset already.
upset()
{
	mark=$(log_mark)
	status=$(virtio-upset "$RV_IOMMU_PCI") || return 1
	echo "the status was $status"
}

was_reset()
{
	wait_for_log "$1" 30 "$RESET" || {
		log_since "$1" | tail -n 10
		return 1
	}
}

recovers()
{
	upset && was_reset "$mark"
}

# disk_has ADDRESS SHA256: in small pieces, so that it takes a while.
disk_has()
{
	found=$(dd if="$(pci_block "$1")" bs=4096 count=$((PART / 4096)) iflag=direct \
		status=none | sha256sum | cut -d ' ' -f 1)
	echo "the disk has $found and should have $2"
	[ "$found" = "$2" ]
}

recovers_while_in_use()
{
	disk_has "$RV_NVME_PCI" "$nvme" &
	recovers || return 1
	# What the disk was about to do may have failed with the IOMMU.
	wait
	disk_has "$RV_NVME_PCI" "$nvme"
}

# An endpoint that moves between domains is after the reset where it was moved to last.
recovers_while_one_moves()
{
	rm -f /tmp/enough
	while [ ! -e /tmp/enough ]; do
		vfio-replay "$RV_TESTDEV_PCI" 100 >/dev/null || exit 1
	done &
	mover=$!
	recovers
	recovered=$?
	touch /tmp/enough
	wait "$mover" && return "$recovered"
}

# reset_or_refusal: what became of the last request is known.
reset_or_refusal()
{
	log_has_since "$mark" "$RESET" || log_has_since "$mark" "$REFUSED"
}

is_given_up()
{
	number=0
	while [ "$number" -lt "$MANY" ]; do
		number=$((number + 1))
		upset && wait_until 30 reset_or_refusal || return 1
		log_has_since "$mark" "$REFUSED" && return
	done
	echo "it was reset $number times more"
	return 1
}

nvme=$(rv_host disk_sha256 nvme0 0 "$PART")
blk=$(rv_host disk_sha256 blk0 0 "$PART")
ktap_plan 10
check "a device that asks for a reset gets it" recovers
check "the disk works after that" disk_has "$RV_NVME_PCI" "$nvme"
check "so does the other" disk_has "$RV_BLK_PCI" "$blk"
check "a stray access is still refused and reported" fault_is_reported 0x12345000
check "it also gets it while a disk is read" recovers_while_in_use
check "vfio accepts a machine without interrupt remapping" vfio_allow_interrupts
check "vfio-pci takes a device" pci_bind "$RV_TESTDEV_PCI" vfio-pci
check "it also gets it while an endpoint moves" recovers_while_one_moves
pci_release "$RV_TESTDEV_PCI"
check "a stray access is refused after that" fault_is_reported 0x12346000
check "one that asks for too many is given up" is_given_up
ktap_done
