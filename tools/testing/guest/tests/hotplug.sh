#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# Disks come to and go from a root port behind the IOMMU, three times: each time the
# new function gets a group of the right type, does its DMA, and leaves nothing.

. /rv/lib/all.sh
. /rv/lib/figures.sh

[ -n "$RV_HOT0_SHA256" ] || ktap_skip_all "the machine has nothing to plug"
ROUNDS=3
# The port waits five seconds for somebody to press the attention button again.
SECONDS_TO_COME=30

# first_function PORT: the function behind a root port, empty if there is none.
first_function()
{
	for device in "$PCI/$1"/0000:??:??.?; do
		[ -d "$device" ] && echo "${device##*/}" && return
	done
}

has_function()
{
	[ -n "$(first_function "$1")" ]
}

has_no_function()
{
	[ -z "$(first_function "$1")" ]
}

# A function is in sysfs a moment before it has its group.
function_has_group()
{
	[ -n "$(group_of "$(first_function "$1")")" ]
}

function_has_disk()
{
	has_disk "$(first_function "$1")"
}

# use_disk PORT SHA256: what is plugged in is behind the IOMMU and delivers its content.
use_disk()
{
	wait_until "$SECONDS_TO_COME" has_function "$1" || {
		echo "no function behind $1"
		return 1
	}
	address=$(first_function "$1")
	wait_until "$SECONDS_TO_COME" function_has_group "$1"
	is_behind_iommu "$address" || return 1
	wait_until "$SECONDS_TO_COME" function_has_disk "$1" || {
		echo "no disk on $address"
		return 1
	}
	found=$(dd if="$(pci_block "$address")" bs=1M iflag=direct status=none |
		sha256sum | cut -d ' ' -f 1)
	echo "the disk has $found and should have $2"
	[ "$found" = "$2" ]
}

# unplug PORT: the function goes, and its group with it.
unplug()
{
	group=$(group_of "$(first_function "$1")")
	rv_host device_del hot || return 1
	wait_until "$SECONDS_TO_COME" has_no_function "$1" || {
		echo "something is still behind $1"
		return 1
	}
	if [ -n "$group" ] && [ -e "$GROUPS_DIR/$group" ]; then
		echo "group $group is still there"
		return 1
	fi
}

# One round is one KTAP result: its steps are told if it fails.
# round PORT SHA256 DRIVER PROPERTIES...
round()
{
	port=$1 expected=$2 outcome=0
	shift 2
	rv_host device_add "$@" || return 1
	use_disk "$port" "$expected" || outcome=1
	unplug "$port" || outcome=1
	return "$outcome"
}

groups_now()
{
	for group in "$GROUPS_DIR"/*; do
		echo "${group##*/}"
	done | wc -l
}

# How many IDs faults are resolved for.
ids_now()
{
	grep -c '^[0-9]' "$FIGURES/faults"
}

ktap_plan $((2 * ROUNDS + 2))
before=$(groups_now)
ids_before=$(ids_now)
number=0
while [ "$number" -lt "$ROUNDS" ]; do
	number=$((number + 1))
	check "nvme comes, works and goes, round $number" round "$RV_RP0_PCI" "$RV_HOT0_SHA256" \
		nvme id=hot bus=rp0 drive=hot0 serial=rvhot0
	# shellcheck disable=SC2153 # both ports and both disks have names of their own
	check "virtio-blk comes, works and goes, round $number" round "$RV_RP1_PCI" "$RV_HOT1_SHA256" \
		virtio-blk-pci id=hot bus=rp1 drive=hot1 serial=rvhot1 iommu_platform=on
done
check_equal "there are as many groups as before" "$before" "$(groups_now)"
check_equal "there are as many IDs as before" "$ids_before" "$(ids_now)"
ktap_done
