#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# How long mapping and unmapping take: upstream's benchmark of the DMA mapping API,
# and VFIO.  What it measured stands in lines
#	figure NAME VALUE
# in microseconds.  The host compares the drivers, and in a boot of its own it counts
# the requests that reach the device; rv.bench=count keeps that one short.

. /rv/lib/all.sh
. /rv/lib/vfio.sh

[ -n "$RV_EDU_PCI" ] || ktap_skip_all "the machine has no device to spare for it"
[ -d /sys/bus/pci/drivers/dma_map_benchmark ] || ktap_skip_all "the kernel is built without it"

if [ "$(rv_option rv.bench)" = count ]; then
	VFIO_MIB=16
	THREADS=1
else
	VFIO_MIB=1024
	THREADS="1 2"
fi
SIZES="1 2 7 16 64 256 512"

# An access that the device refuses and QEMU traces: what follows in the trace is NUMBER.
mark()
{
	testdev-dma "$RV_TESTDEV_PCI" $((0xb0000000 + $1 * 4096)) >/dev/null
}

# dma NAME ARGUMENTS...: the average latency of mapping and of unmapping.
dma()
{
	local name=$1

	shift
	dma_map_benchmark -s 1 "$@" >/tmp/benchmark || return 1
	awk -v name="$name" '/^average (map|unmap) latency/ {
			split($3, part, ":"); print "figure " name "-" $2, part[2]; lines++ }
		END { exit lines != 2 }' /tmp/benchmark
}

# vfio MODE: the time to map and to unmap much memory in one call each.
vfio()
{
	vfio-time "$RV_TESTDEV_PCI" "$1" "$VFIO_MIB" >/tmp/vfio || return 1
	awk -v name="vfio-$1-${VFIO_MIB}M" '{ print "figure " name "-" $1, $2; lines++ }
		END { exit lines != 2 }' /tmp/vfio
}

# report NAME COMMAND...: its figures, and whether it worked.
report()
{
	local name=$1

	shift
	if "$@" >/tmp/figures; then
		cat /tmp/figures
		ktap_pass "$name"
	else
		ktap_fail "$name"
	fi
}

# measure NAME COMMAND...: the same, between marks.
measure()
{
	number=$((number + 1))
	echo "measure $number $1"
	mark "$number"
	report "$@"
	mark 0
}

set -- $SIZES
sizes=$#
set -- $THREADS
threads=$#
number=0

ktap_plan $((4 + threads * (sizes + 1) + 2))
check "dma_map_benchmark takes a device" pci_bind "$RV_EDU_PCI" dma_map_benchmark
for count in $THREADS; do
	for pages in $SIZES; do
		name="dma-${pages}p-${count}t"
		measure "$name" dma "$name" -t "$count" -g "$pages"
	done
	measure "sg-16p-${count}t" dma "sg-16p-${count}t" -t "$count" -g 16 -m 1
done
pci_release "$RV_EDU_PCI"
check "vfio accepts a machine without interrupt remapping" vfio_allow_interrupts
check "vfio-pci takes the device" pci_bind "$RV_TESTDEV_PCI" vfio-pci
for mode in type1v2 iommufd; do
	report "vfio-$mode" vfio "$mode"
done
pci_release "$RV_TESTDEV_PCI"
check_equal "the device is free again" "" "$(pci_driver "$RV_TESTDEV_PCI")"
ktap_done
