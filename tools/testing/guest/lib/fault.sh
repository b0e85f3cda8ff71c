# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
#
# The kernel's fault injection, by which one allocation of one process fails.

FAULT_DEBUGFS=/sys/kernel/debug

# fault_enable: makes single pages and what comes from kmalloc() fail, silently and also
# where the caller could wait.  The caches of sysfs, of sockets, of the kernel's checkers
# and the like are spared: they are many, and no driver has to do with them.
fault_enable()
{
	[ -e /proc/self/fail-nth ] || {
		echo "no /proc/self/fail-nth"
		return 1
	}
	for kind in failslab fail_page_alloc; do
		echo 0 >"$FAULT_DEBUGFS/$kind/verbose" &&
			echo N >"$FAULT_DEBUGFS/$kind/ignore-gfp-wait" || return 1
	done
	echo 0 >"$FAULT_DEBUGFS/fail_page_alloc/min-order" || return 1
	for cache in /sys/kernel/slab/kmalloc-* /sys/kernel/slab/iommu_iova*; do
		echo 1 >"$cache/failslab" || return 1
	done
	echo Y >"$FAULT_DEBUGFS/failslab/cache-filter"
}
