#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# Upstream's benchmark of the DMA mapping API, unchanged.  Here it shows that many
# mappings at a time work; its figures mean nothing on an emulated processor.

. /rv/lib/all.sh

[ -n "$RV_EDU_PCI" ] || ktap_skip_all "the machine has no device to spare for it"
[ -d /sys/bus/pci/drivers/dma_map_benchmark ] || ktap_skip_all "the kernel is built without it"

# benchmark ARGUMENTS...: passes if mapping and unmapping were both measured.
benchmark()
{
	dma_map_benchmark -s 1 "$@" >/tmp/benchmark || return 1
	cat /tmp/benchmark
	awk '/^average (map|unmap) latency/ { split($3, part, ":"); if (part[2] > 0) good++ }
		END { exit good != 2 }' /tmp/benchmark
}

ktap_plan 8
check "dma_map_benchmark takes the device" pci_bind "$RV_EDU_PCI" dma_map_benchmark
check "one thread, one page" benchmark -t 1 -g 1
check "one thread, 16 pages" benchmark -t 1 -g 16
check "one thread, 100 pages towards the device" benchmark -t 1 -g 100 -d 1
check "one thread, a list of 33 pages" benchmark -t 1 -g 33 -m 1
check "eight threads, 8 pages from the device" benchmark -t 8 -g 8 -d 2
check "eight threads, 3 pages below 2 GiB" benchmark -t 8 -g 3 -b 31
pci_release "$RV_EDU_PCI"
check_equal "the device is free again" "" "$(pci_driver "$RV_EDU_PCI")"
ktap_done
