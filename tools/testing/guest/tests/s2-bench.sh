#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# How long KVM takes for a fault at stage 2: figures for the host to compare.

. /rv/lib/all.sh
. /rv/lib/vfio.sh
. /rv/lib/stage2.sh

ktap_plan 6
file=$(bar "$RV_IVSHMEM_PCI" 2)
granted=$(root_port_child "$RV_RP1_PCI")

check "the device is on" sh -c "echo 1 >$PCI/$RV_IVSHMEM_PCI/enable"
check "vfio accepts a machine without interrupt remapping" vfio_allow_interrupts
check "vfio-pci takes the other" take "$granted"
if s2-time "$file" "$granted" 2 >/tmp/figures; then
	cat /tmp/figures
	ktap_pass "figures"
else
	ktap_fail "figures"
fi
check "2 MiB of a BAR with a grant take one fault" \
	grep -qx "figure stage2-faults granted-block 1" /tmp/figures
# Not figures to compare: the emulation combines no writes.
if s2-time "$granted" 2 >/tmp/writes && grep -q '^writes normal-nc [1-9]' /tmp/writes &&
		grep -q '^writes device [1-9]' /tmp/writes; then
	ktap_pass "writes with both types are measured"
else
	ktap_fail "writes with both types are measured"
fi
ktap_done
