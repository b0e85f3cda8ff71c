#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# The figures in debugfs agree with each other and with what was done.  The C driver
# has none, so every case fails there.

. /rv/lib/all.sh
. /rv/lib/figures.sh
. /rv/lib/trace.sh

[ -n "$RV_TESTDEV_PCI" ] || ktap_skip_all "the machine has no iommu-testdev"
is_translated || ktap_skip_all "nothing is translated with iommu.passthrough=1"

# Fewer than the event queue has buffers, or the device has nowhere to report one.
FAULTS=100
KINDS="attach detach map unmap probe"

# read_disk: a MiB, in requests of the same size whatever the disk likes best.
read_disk()
{
	dd if="$(pci_block "$RV_NVME_PCI")" of=/dev/null bs=16384 count=64 \
		iflag=direct status=none
}

figures_are_there()
{
	for kind in $KINDS; do
		for word in sent ended failed; do
			[ -n "$(figure "$kind" "$word")" ] || {
				echo "no $word of $kind"
				return 1
			}
		done
	done
}

# Read twice: what is being answered in between may end, but not begin.
answers_belong_to_requests()
{
	for kind in $KINDS; do
		ended=$(figure "$kind" ended)
		sent=$(figure "$kind" sent)
		failed=$(figure "$kind" failed)
		echo "$kind: sent $sent, ended $ended, failed $failed"
		[ "$sent" -ge "$ended" ] && [ "$failed" -eq 0 ] || return 1
	done
}

# The device was asked for each ID, and each is in some domain.
every_endpoint_was_probed()
{
	ids=$(grep -c '^[0-9]' "$FIGURES/faults")
	echo "$ids IDs, $(figure probe sent) PROBE, $(figure attach sent) ATTACH"
	[ "$ids" -gt 0 ] && [ "$(figure probe ended)" -ge "$ids" ] &&
		[ "$(figure attach ended)" -ge "$ids" ]
}

reading_maps_and_unmaps()
{
	maps=$(figure map sent)
	unmaps=$(figure unmap sent)
	read_disk || return 1
	echo "$maps MAP and $unmaps UNMAP before, $(figure map sent) and $(figure unmap sent) after"
	[ "$(figure map sent)" -gt "$maps" ] && [ "$(figure unmap sent)" -gt "$unmaps" ]
}

# What the disk maps is less than 2 MiB, of many sizes and at many addresses.
one_map_each()
{
	[ -n "$(figure map sent)" ] && trace_event iommu/map 1 || return 1
	: >"$TRACING/trace"
	maps=$(figure map sent)
	read_disk
	maps=$(($(figure map sent) - maps))
	trace_event iommu/map 0
	calls=$(grep -c ' map: IOMMU: ' "$TRACING/trace")
	echo "$calls iommu_map(), $maps MAP"
	[ "$maps" -gt 0 ] && [ "$maps" -eq "$calls" ]
}

merged()
{
	sed -n 's/^merged //p' "$FIGURES/requests"
}

# Which addresses are neighbours is a matter of who reads at the same time, here and
# since the machine came up.
neighbours_are_merged()
{
	for _ in 1 2 3 4; do
		read_disk &
	done
	wait
	echo "$(merged) UNMAPs were merged, $(figure unmap sent) were sent"
	[ "$(merged)" -gt 0 ]
}

faults_are_counted()
{
	before=$(faults_of "$RV_TESTDEV_PCI")
	[ -n "$before" ] || {
		echo "$RV_TESTDEV_PCI is not listed"
		return 1
	}
	testdev-dma "$RV_TESTDEV_PCI" 0x56789000 "$FAULTS"
	wait_until 10 faults_are "$RV_TESTDEV_PCI" $((before + FAULTS)) || {
		echo "$before before $FAULTS faults, $(faults_of "$RV_TESTDEV_PCI") after"
		return 1
	}
}

# Nothing came for endpoints that are not there, and nothing that is no fault.
events_belong_to_endpoints()
{
	grep -qx 'unknown 0' "$FIGURES/faults" && grep -qx 'invalid 0' "$FIGURES/faults"
}

timed()
{
	sed -n 's/^total //p' "$FIGURES/round_trips"
}

nothing_is_timed_unless_asked_for()
{
	read_disk
	echo "timing: $(cat "$FIGURES/timing"), timed: $(timed)"
	[ "$(cat "$FIGURES/timing")" = 0 ] && [ "$(timed)" = 0 ]
}

# Bounds on both sides: each MAP of the reads was timed, and nothing that was not sent.
timed_are_those_sent()
{
	maps=$(figure map sent) unmaps=$(figure unmap sent)
	echo 1 >"$FIGURES/timing" && read_disk && echo 0 >"$FIGURES/timing" || return 1
	maps=$(($(figure map sent) - maps)) unmaps=$(($(figure unmap sent) - unmaps))
	sum=$(awk '$1 != "total" { sum += $2 } END { print sum + 0 }' "$FIGURES/round_trips")
	echo "$maps MAP, $unmaps UNMAP, $(timed) timed, $sum in the buckets"
	[ "$sum" = "$(timed)" ] && [ "$sum" -gt 0 ] && [ "$sum" -ge $((maps / 2)) ] &&
		[ "$sum" -le $((maps + unmaps)) ]
}

only_0_and_1_are_taken()
{
	[ -w "$FIGURES/timing" ] || return 1
	for text in 2 10 on ''; do
		! echo "$text" 2>/dev/null >"$FIGURES/timing" || {
			echo "'$text' was taken"
			return 1
		}
	done
	[ "$(cat "$FIGURES/timing")" = 0 ]
}

ktap_plan 11
check "every kind of request has its figures" figures_are_there
check "no more answers than requests, and none of them an error" answers_belong_to_requests
check "every ID was probed and attached" every_endpoint_was_probed
check "reading from a disk is MAPs and UNMAPs" reading_maps_and_unmaps
check "each iommu_map() is one MAP" one_map_each
check "UNMAPs of neighbours are merged" neighbours_are_merged
check "$FAULTS faults are counted, and for their device" faults_are_counted
check "no event belongs to no endpoint" events_belong_to_endpoints
check "nothing is timed unless asked for" nothing_is_timed_unless_asked_for
check "as many requests are timed as are sent" timed_are_those_sent
check "the switch takes 0 and 1" only_0_and_1_are_taken
ktap_done
