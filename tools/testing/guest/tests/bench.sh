#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# What mapping and unmapping cost: upstream's benchmark of the DMA mapping API, VFIO,
# the replay of a domain that a device is attached to, reads from the NVMe disk and
# streams through the network card.  What it measured stands in lines
#	figure KIND NAME VALUE
#	caller KIND NAME FUNCTION VALUE
# and the host compares the drivers.  rv.bench says what the boot is for:
#	time          microseconds; nothing else is counted meanwhile
#	instructions  the same where the clock ticks by the instruction: fewer sizes
#	count         allocations; the host counts the requests between the marks
#	irqs-off      the longest time without interrupts

. /rv/lib/all.sh
. /rv/lib/vfio.sh
. /rv/lib/tracing.sh

[ -n "$RV_EDU_PCI" ] || ktap_skip_all "the machine has no device to spare for it"
[ -d /sys/bus/pci/drivers/dma_map_benchmark ] || ktap_skip_all "the kernel is built without it"

kind=$(rv_option rv.bench)
THREADS=1
VFIO_MODES="type1v2 iommufd"
MEMORIES=small
DEVICES=
case $kind in
time)
	THREADS="1 2"
	SIZES="1 2 7 16 64 256 512"
	VFIO_MIBS=1024
	MEMORIES="small huge scattered"
	REPLAYS=10000
	DEVICES="disk-4k-1t disk-4k-4t disk-128k-4t net"
	;;
instructions)
	SIZES="1 16 512"
	VFIO_MIBS=64
	MEMORIES="small huge scattered"
	REPLAYS=10000
	;;
count)
	SIZES="1 2 7 16 64 256 512"
	VFIO_MIBS=
	REPLAYS=
	;;
irqs-off)
	SIZES="1 512"
	VFIO_MODES=type1v2
	# With more, to get the pages takes longer than anything in the driver.
	VFIO_MIBS="1 8"
	REPLAYS="100 1000 10000"
	;;
*) ktap_skip_all "rv.bench=$kind is no kind of measurement" ;;
esac

# An access that the device refuses and QEMU traces: what follows in the trace is NUMBER.
mark()
{
	testdev-dma "$RV_TESTDEV_PCI" $((0xb0000000 + $1 * 4096)) >/dev/null
}

# figures NAME COMMAND...: "figure time NAME-WHAT VALUE" of each line that begins
# with WHAT and ends in VALUE, of which there have to be two.
figures()
{
	local name=$1

	shift
	"$@" >/tmp/said || return 1
	awk -v name="$name" '{ print "figure time " name "-" $1, $2; lines++ }
		END { exit lines != 2 }' /tmp/said
}

# latencies ARGUMENTS...: what dma_map_benchmark says of mapping and of unmapping.
latencies()
{
	dma_map_benchmark -s 1 "$@" >/tmp/benchmark || return 1
	awk '/^average (map|unmap) latency/ { split($3, part, ":"); print $2, part[2] }' \
		/tmp/benchmark
}

# dma NAME ARGUMENTS...
dma()
{
	local name=$1

	shift
	case $kind in
	count) count_allocations "$name" dma_map_benchmark -s 1 "$@" ;;
	irqs-off) longest_irqs_off "$name" dma_map_benchmark -s 1 "$@" ;;
	*) figures "$name" latencies "$@" ;;
	esac
}

# vfio NAME COMMAND...: one that says itself how long what took.
vfio()
{
	case $kind in
	irqs-off) longest_irqs_off "$@" ;;
	*) figures "$@" ;;
	esac
}

# huge_pages NUMBER: how many are reserved, of 2 MiB each.
huge_pages()
{
	echo "$1" >/proc/sys/vm/nr_hugepages
	[ "$(cat /proc/sys/vm/nr_hugepages)" = "$1" ]
}

# vfio_memory NAME MODE MIB MEMORY
vfio_memory()
{
	[ "$4" != huge ] || huge_pages $(($3 / 2)) || return 1
	vfio "$1" vfio-time "$RV_TESTDEV_PCI" "$2" "$3" "$4"
	result=$?
	huge_pages 0 && return "$result"
}

# disk NAME KIB THREADS: reads from the NVMe disk.
disk()
{
	figures "$1" disk-time "$(pci_block "$RV_NVME_PCI")" "$2" "$3" 1000
}

# net: streams from and to the host.
net()
{
	local server=${RV_HTTP#http://}

	ifconfig "$(pci_net "$RV_NET_PCI")" "$RV_IP" netmask "$RV_MASK" up || return 1
	figures net-stream net-time "${server%:*}" "${server#*:}" 32
}

# device NAME
device()
{
	case $1 in
	disk-4k-1t) disk "$1" 4 1 ;;
	disk-4k-4t) disk "$1" 4 4 ;;
	disk-128k-4t) disk "$1" 128 4 ;;
	net) net ;;
	esac
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

# words WORD...: how many there are.
words()
{
	echo $#
}

# shellcheck disable=SC2086 # lists of words
{
	measures=$(($(words $THREADS) * ($(words $SIZES) + 1)))
	times=$(($(words $VFIO_MODES) * $(words $MEMORIES) * $(words $VFIO_MIBS)))
	measures=$((measures + times + $(words $REPLAYS)))
	measures=$((measures + $(words $DEVICES)))
}
number=0

ktap_plan $((4 + measures))
case $kind in
count | irqs-off) tracing_mount ;;
esac
check "dma_map_benchmark takes a device" pci_bind "$RV_EDU_PCI" dma_map_benchmark
for count in $THREADS; do
	for pages in $SIZES; do
		name="dma-${pages}p-${count}t"
		measure "$name" dma "$name" -t "$count" -g "$pages"
	done
	name="sg-16p-${count}t"
	measure "$name" dma "$name" -t "$count" -g 16 -m 1
done
pci_release "$RV_EDU_PCI"
for name in $DEVICES; do
	report "$name" device "$name"
done
check "vfio accepts a machine without interrupt remapping" vfio_allow_interrupts
check "vfio-pci takes the device" pci_bind "$RV_TESTDEV_PCI" vfio-pci
for mode in $VFIO_MODES; do
	for memory in $MEMORIES; do
		for mib in $VFIO_MIBS; do
			name="vfio-$mode-$memory-${mib}M"
			report "$name" vfio_memory "$name" "$mode" "$mib" "$memory"
		done
	done
done
for count in $REPLAYS; do
	name="replay-$count"
	report "$name" vfio "$name" vfio-replay "$RV_TESTDEV_PCI" "$count"
done
pci_release "$RV_TESTDEV_PCI"
check_equal "the device is free again" "" "$(pci_driver "$RV_TESTDEV_PCI")"
ktap_done
