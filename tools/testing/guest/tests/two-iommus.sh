#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# Two virtio-iommu devices in one machine, each with endpoints of its own.

. /rv/lib/all.sh
. /rv/lib/vfio.sh

[ -n "$RV_IOMMU2_PCI" ] || ktap_skip_all "the machine has no second virtio-iommu"
CLASS=/sys/class/iommu

# endpoints_of IOMMU
endpoints_of()
{
	for endpoint in "$CLASS/$1/devices"/*; do
		echo "${endpoint##*/}"
	done
}

# leads_to ENDPOINT IOMMU
leads_to()
{
	found=$(link_path "$PCI/$1/iommu")
	echo "$1 leads to $found"
	[ "$found" = "$(link_path "$CLASS/$2")" ]
}

# fault_names ENDPOINT IOMMU: the one that stops an access is the one that reports it.
fault_names()
{
	mark=$(log_mark)
	[ "$(testdev-dma "$1" 0x12345000)" = refused ] || return 1
	wait_for_log "$mark" 20 "$(RV_IOMMU_PCI=$2 fault_line "$1" 0x12345000 "")"
}

# While the first answers requests, a disk is read through the second.
work_at_once()
{
	dma_map_benchmark -s 1 -t 1 -g 8 >/tmp/benchmark &
	found=$(dd if="$(pci_block "$RV_BLK_PCI")" bs=64k count=$((RV_DISK_KNOWN / 65536)) \
		iflag=direct status=none | sha256sum | cut -d ' ' -f 1)
	wait "$!" || return 1
	echo "the disk has $found"
	[ "$found" = "$RV_BLK_SHA256" ] && grep -q '^average map latency' /tmp/benchmark
}

take_both()
{
	vfio_allow_interrupts && pci_bind "$RV_FIRST_PCI" vfio-pci &&
		pci_bind "$RV_TESTDEV_PCI" vfio-pci
}

ktap_plan 12
# shellcheck disable=SC2153 # both IOMMUs have names of their own
check_equal "one device is behind the first" "$RV_FIRST_PCI" "$(endpoints_of "$RV_IOMMU_PCI")"
check_equal "two are behind the second" "$RV_BLK_PCI $RV_TESTDEV_PCI" \
	"$(endpoints_of "$RV_IOMMU2_PCI" | tr '\n' ' ' | sed 's/ $//')"
check "that of the first leads back" leads_to "$RV_FIRST_PCI" "$RV_IOMMU_PCI"
for address in "$RV_BLK_PCI" "$RV_TESTDEV_PCI"; do
	check "$address leads back to the second" leads_to "$address" "$RV_IOMMU2_PCI"
done
check "all have domains" all_are_behind_iommu
check "the first reports what it stops" fault_names "$RV_FIRST_PCI" "$RV_IOMMU_PCI"
check "so does the second" fault_names "$RV_TESTDEV_PCI" "$RV_IOMMU2_PCI"
check "dma_map_benchmark takes the device behind the first" \
	pci_bind "$RV_FIRST_PCI" dma_map_benchmark
check "both work at the same time" work_at_once

check "vfio takes a device behind each" take_both
ktap_subtest "one address space behind both" \
	vfio-pair "$RV_FIRST_PCI" "$RV_TESTDEV_PCI" iommufd
ktap_done
