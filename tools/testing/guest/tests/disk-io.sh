#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# Disks behind the IOMMU: what the host put there is read, what is written here
# arrives there.  All of it is direct I/O, so each byte crosses the IOMMU.

. /rv/lib/all.sh

[ -n "$RV_BLK_PCI" ] || ktap_skip_all "the machine has no disks"
# How much of it is read in small pieces, and how much is written.
PART=$((1024 * 1024))

sha256()
{
	sha256sum | cut -d ' ' -f 1
}

# read_known DISK: the part whose content the host told us, kept for later.
read_known()
{
	dd if="$1" of=/tmp/known bs=1048576 count=$((RV_DISK_KNOWN / 1048576)) \
		iflag=direct status=none
	sha256 </tmp/known
}

# Several readers at a time, each with buffers of another size.
parallel_readers_agree()
{
	for size in 4096 12288 65536 1048576; do
		dd if="$1" bs="$size" count="$((PART / size))" iflag=direct \
			status=none of="/tmp/reader-$size" &
	done
	wait
	for size in 4096 12288 65536 1048576; do
		length=$((PART / size * size))
		if [ "$(head -c "$length" /tmp/known | sha256)" != "$(sha256 <"/tmp/reader-$size")" ]; then
			echo "the reader with buffers of $size bytes got something else"
			return 1
		fi
	done
}

# write_pattern DISK: random bytes behind the known part; prints their checksum.
write_pattern()
{
	dd if=/dev/urandom of=/tmp/pattern bs="$PART" count=1 status=none
	dd if=/tmp/pattern of="$1" bs=65536 seek=$((RV_DISK_KNOWN / 65536)) \
		oflag=direct conv=notrunc status=none || return 1
	sync
	sha256 </tmp/pattern
}

read_pattern()
{
	dd if="$1" bs=16384 skip=$((RV_DISK_KNOWN / 16384)) count=$((PART / 16384)) \
		iflag=direct status=none | sha256
}

# test_disk NAME ADDRESS SHA256
test_disk()
{
	disk=$(pci_block "$2")
	check "$1: the disk on $2 is there" test -b "$disk"
	check "$1: it is behind the IOMMU" is_behind_iommu "$2"
	check_equal "$1: direct reads give what the host put there" "$3" "$(read_known "$disk")"
	check "$1: four readers at a time agree" parallel_readers_agree "$disk"
	written=$(write_pattern "$disk")
	check_equal "$1: what was written is read back" "$written" "$(read_pattern "$disk")"
	check_equal "$1: the host has what was written" "$written" \
		"$(rv_host disk_sha256 "$1" "$RV_DISK_KNOWN" "$PART")"
}

ktap_plan 13
# Bit 33 is VIRTIO_F_ACCESS_PLATFORM: without it the disk would bypass the IOMMU.
check_equal "virtio-blk leaves its addresses to the platform" 1 \
	"$(cut -c 34 "$PCI/$RV_BLK_PCI/$(pci_virtio "$RV_BLK_PCI")/features")"
test_disk blk0 "$RV_BLK_PCI" "$RV_BLK_SHA256"
test_disk nvme0 "$RV_NVME_PCI" "$RV_NVME_SHA256"
ktap_done
