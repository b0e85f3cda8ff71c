#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# What a guest hypervisor has as Device in its own stage 2 is one for its guest.

. /rv/lib/all.sh
. /rv/lib/tracing.sh
. /rv/lib/stage2.sh

# MemAttr without forced write-back.
DEVICE=1 NON_CACHEABLE=5 WRITE_BACK=15

# outcome ARGUMENT...: the first word, and for an exception the last two digits.
outcome()
{
	s2-probe "$@" | sed -n 's/^\(esr-el2\|esr\) .*\(..\)$/\1 \2/p; t; s/ .*//p'
}

ktap_plan 9
device=$RV_IVSHMEM_PCI

check "vfio-pci takes the device" take "$device"
check_equal "not its guest's: Normal" data "$(outcome vfio "$device" 2)"
check_equal "write-back: as without" data "$(outcome --nested $WRITE_BACK vfio "$device" 2)"
check_equal "Non-cacheable: as without" data \
	"$(outcome --nested $NON_CACHEABLE vfio "$device" 2)"
check_equal "Device: Device, and the guest hypervisor is told" \
	"$(by_policy "esr-el2 21" data)" "$(outcome --nested $DEVICE vfio "$device" 2)"
check_equal "memory as Device: the same" "$(by_policy "esr-el2 21" data)" \
	"$(outcome --nested $DEVICE anon)"
check_equal "it can be used as a device" data "$(outcome --aligned --nested $DEVICE anon)"
check_equal "memory as Non-cacheable: Normal" data "$(outcome --nested $NON_CACHEABLE anon)"
check_traced "the trace says why" kvm_s2_policy \
	"type Device: limited by the guest hypervisor" \
	s2-probe --aligned --nested $DEVICE vfio "$device" 2
ktap_done
