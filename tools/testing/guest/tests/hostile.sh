#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# A device that lies.  Each lie ends well, or with an error and a word about it, and
# the driver does its work again when the device does: nothing hangs, and nothing that
# the kernel warns of is in the log.

. /rv/lib/all.sh
. /rv/lib/vfio.sh
. /rv/lib/hostile-cases.sh

MODULE=/rv/modules/$RV_DRIVER/virtio-iommu.ko
ENDPOINTS="$RV_TESTDEV_PCI $RV_EDU_PCI $RV_BRIDGE_PCI"
# The slot of the function behind the bridge.
BRIDGED=01.0
# An empty list means all.
ONLY=$(rv_option rv.cases)

# lie CASE: the device behaves so from now on, and the log begins anew.
lie()
{
	dmesg -c >/dev/null
	rv_host hostile case "$1"
}

# said EXPRESSION: whether the kernel said that since the device lies; "-" is silence.
said()
{
	[ "$1" = - ] && return
	dmesg | grep -v ' rv[|:] ' | grep -q -- "$1" || {
		echo "not in the log: $1"
		dmesg | grep -v ' rv[|:] ' | tail -n 8
		return 1
	}
}

remove_endpoints()
{
	for address in $ENDPOINTS; do
		[ ! -e "$PCI/$address/remove" ] || echo 1 >"$PCI/$address/remove"
	done
}

rescan()
{
	echo 1 >/sys/bus/pci/rescan
}

is_loaded()
{
	[ -d "/sys/bus/virtio/drivers/virtio_iommu/$(pci_virtio "$RV_IOMMU_PCI")" ]
}

load()
{
	insmod "$MODULE" 2>&1
	rescan
}

unload()
{
	remove_endpoints
	rmmod virtio_iommu
}

reload()
{
	unload && lie honest && load
}

# Whether the endpoint is translated; the last of them, which no test binds a driver to.
outcome_of_endpoint()
{
	if [ -n "$(group_of "$RV_EDU_PCI")" ]; then echo ok; else echo refused; fi
}

# map: maps and unmaps 64 KiB or more with VFIO, and tells the result.
outcome_of_mapping()
{
	if vfio-time "$RV_TESTDEV_PCI" type1v2 1 >/tmp/mapping 2>&1; then
		dmesg | grep -q 'could not unmap' || { echo ok; return; }
	fi
	echo refused
}

take_for_vfio()
{
	vfio_allow_interrupts && pci_bind "$RV_TESTDEV_PCI" vfio-pci
}

# endpoint_comes_again ADDRESS CASE
endpoint_comes_again()
{
	echo 1 >"$PCI/$1/remove"
	lie "$2" || return
	rescan
}

endpoint_case()
{
	endpoint_comes_again "$RV_EDU_PCI" "$1" || return
	outcome=$(outcome_of_endpoint)
}

mapping_case()
{
	lie "$1" || return
	outcome=$(outcome_of_mapping)
}

dma_case()
{
	lie "$1" || return
	if dma_map_benchmark -s 1 -t 1 -g 1 >/tmp/mapping 2>&1; then
		outcome=ok
	else
		outcome=refused
	fi
}

fatal_case()
{
	mapping_case "$1"
}

config_case()
{
	unload
	lie "$1" || return
	load
	outcome=$(outcome_of_endpoint)
}

# The devices are there before the driver is.
registering_case()
{
	unload
	lie "$1" || return
	rescan
	insmod "$MODULE" 2>&1
	outcome=$(outcome_of_endpoint)
}

event_case()
{
	lie "$1" || return
	# A flood is told of once it is over; a message after it may still be on its way.
	sleep 0.2
	outcome=ok
}

# run_case KIND CASE RUST C EXPRESSION
run_case()
{
	local kind=$1 name=$2 rust=$3 c=$4 expression=$5 expected=$3

	[ "$RV_DRIVER" = c ] && expected=$c expression=-
	outcome=failed
	"${kind}_case" "$name" >/tmp/case 2>&1 || outcome=failed
	if [ "$outcome" = failed ]; then
		ktap_note "$(cat /tmp/case)"
	elif [ "$expected" = any ]; then
		expected=$outcome
	fi
	if [ "$outcome" != "$expected" ]; then
		ktap_note "expected $expected, found $outcome; $(cat /tmp/mapping 2>/dev/null)"
		ktap_note "$(dmesg | grep -v ' rv[|:] ' | tail -n 8)"
		ktap_fail "$name"
	else
		[ "$RV_DRIVER" = c ] && ktap_note "$name: $outcome"
		check "$name is $outcome" said "$expression"
	fi
}

# wanted CASE C: whether this boot runs the case.
wanted()
{
	if [ -n "$ONLY" ]; then
		case ,$ONLY, in
		*,$1,*) return 0 ;;
		esac
		return 1
	fi
	[ "$RV_DRIVER" != c ] || [ "$2" != wedges ]
}

# run_cases KIND: all of the table.
run_cases()
{
	"$1_cases" >"/tmp/cases-$1"
	while read -r name rust c expression; do
		if wanted "$name" "$c"; then
			run_case "$1" "$name" "$rust" "$c" "$expression"
			[ "$1" != fatal ] || check "after $name it can be loaded again" recover
		else
			ktap_skip "$name" "the C driver hangs, or another case was asked for"
			[ "$1" != fatal ] || ktap_skip "after $name" "was not run"
		fi
	done <"/tmp/cases-$1"
}

# What VFIO begins with is to take the group out of its domain: first the bridge, then
# the function behind it, by its own ID and by the one that the bridge puts in its place.
stays_if_its_second_id_is_refused()
{
	local bridged

	# A lie before may have made the device forget it.
	endpoint_comes_again "$RV_BRIDGE_PCI" honest || return 1
	for bridged in "$PCI/$RV_BRIDGE_PCI"/*:"$BRIDGED"; do
		bridged=${bridged##*/}
	done
	pci_bind "$bridged" vfio-pci || return 1
	rv_host hostile places | tee /tmp/before
	grep -q 264= /tmp/before || return 1
	lie attach/status-no-memory/1/2 || return 1
	! vfio-time "$bridged" type1v2 1 2>&1 || return 1
	rv_host hostile places | tee /tmp/after
	rv_host hostile statistics | tee /tmp/statistics
	# Two that worked, the refused one, and the two once more.
	cmp /tmp/before /tmp/after && grep -q '^attach=5 ' /tmp/statistics
}

# msi_windows: how many there are if the device tells of none.
msi_windows()
{
	endpoint_case properties/nothing >/dev/null || return
	grep -c ' msi$' "$GROUPS_DIR/$(group_of "$RV_EDU_PCI")/reserved_regions"
}

recover()
{
	reload && take_for_vfio && [ "$(outcome_of_mapping)" = ok ]
}

count()
{
	"$1_cases" | wc -l
}

# An honest device has nothing to refuse.
nothing_was_refused()
{
	rv_host hostile statistics | tee /tmp/statistics
	grep -q ' refused=0' /tmp/statistics
}

ktap_plan $((12 + $(count endpoint) + $(count mapping) + $(count dma) + 2 * $(count fatal) +
	$(count registering) + $(count config) + $(count event)))

check "the device answers" lie honest
check "the driver is bound" is_loaded
check "vfio-pci takes an endpoint" take_for_vfio
check_equal "an honest device maps" ok "$(outcome_of_mapping)"
check "an honest device has nothing to refuse" nothing_was_refused
run_cases mapping
check "dma_map_benchmark takes another one" pci_bind "$RV_EDU_PCI" dma_map_benchmark
run_cases dma
pci_release "$RV_EDU_PCI"
run_cases event
run_cases endpoint
# The C driver sets one aside that nobody would map.
check_equal "windows for MSIs, of which the device tells nothing" \
	"$([ "$RV_DRIVER" = c ] && echo 1 || echo 0)" "$(msi_windows)"
check "if the second ID of an endpoint is refused, it stays where it was" \
	stays_if_its_second_id_is_refused
run_cases fatal
run_cases registering
run_cases config
check "at last the driver can be loaded again" reload
check "and works" recover
check "for all endpoints" test "$(outcome_of_endpoint)" = ok
check "and has sent nothing wrong" nothing_was_refused
ktap_done
