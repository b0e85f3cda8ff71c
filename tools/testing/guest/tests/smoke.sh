#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# What each kernel of this project can do on each architecture.

. /rv/lib/all.sh

# The second processor comes up, too, where the machine has one.
all_processors_are_online()
{
	[ "$(cat /sys/devices/system/cpu/online)" = "$(cat /sys/devices/system/cpu/present)" ]
}

rust_minimal_spoke()
{
	kernel_log | grep -qxF 'rust_minimal: Rust minimal sample (init)'
}

kernel_is_not_tainted()
{
	taint=$(cat /proc/sys/kernel/tainted)
	echo "taint $taint"
	[ "$taint" = 0 ]
}

# /proc/config.gz says with which configuration, so that a mixed-up build shows.
rust_is_configured()
{
	zcat /proc/config.gz | grep -qx CONFIG_RUST=y
}

ktap_plan 4
check "a Rust module of the kernel spoke" rust_minimal_spoke
check "the running kernel is configured with Rust" rust_is_configured
check "all processors are online" all_processors_are_online
check "the kernel is not tainted" kernel_is_not_tainted
ktap_done
