#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# A user of a VM who does everything with an assigned BAR at the wrong time.

. /rv/lib/all.sh
. /rv/lib/vfio.sh
. /rv/lib/stage2.sh

ktap_plan 5
endpoint=$(root_port_child "$RV_RP1_PCI")
check "vfio accepts a machine without interrupt remapping" vfio_allow_interrupts
check "vfio-pci takes an endpoint" take "$endpoint"
check "vfio-pci takes a conventional function" take "$RV_IVSHMEM_PCI"
device=$(by_policy told ended)
ktap_subtest "an endpoint" s2-hostile 15 "$endpoint" 2 "$device"
ktap_subtest "a conventional function" s2-hostile 15 "$RV_IVSHMEM_PCI" 2 "$device"
ktap_done
