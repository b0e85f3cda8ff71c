#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# What a guest hypervisor has as Device in its own stage 2 is one for its guest.

. /rv/lib/all.sh
. /rv/lib/tracing.sh
. /rv/lib/stage2.sh

# MemAttr; what is write-back depends on whether it is forced.
DEVICE=1 NON_CACHEABLE=5 WRITE_BACK=15 FORCED_WRITE_BACK=6

ktap_plan 22
device=$RV_IVSHMEM_PCI
file=$(bar "$device" 2)

# What the host has as Device is not up to the guest hypervisor, who is not told of it.
check "the device is on" sh -c "echo 1 >$PCI/$device/enable"
check_equal "Device of the host's: its guest is told" "$(by_policy "esr 21" run)" \
	"$(outcome --nested $WRITE_BACK file "$file")"
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
check_equal "memory as Device: no code" "$(by_policy "esr 10" "esr 00")" \
	"$(outcome --fetch --nested $DEVICE anon)"

# Linux has forced write-back where there is.
check_equal "forced write-back: as without" data \
	"$(outcome --nested-fwb --nested $FORCED_WRITE_BACK vfio "$device" 2)"
check_equal "Non-cacheable with forced write-back: as without" data \
	"$(outcome --nested-fwb --nested $NON_CACHEABLE vfio "$device" 2)"
check_equal "Device with forced write-back: Device" "$(by_policy "esr-el2 21" data)" \
	"$(outcome --nested-fwb --nested $DEVICE vfio "$device" 2)"
check_equal "memory as Device with forced write-back: the same" \
	"$(by_policy "esr-el2 21" data)" "$(outcome --nested-fwb --nested $DEVICE anon)"

# Of a huge page only what is touched is mapped, and it is the right part of it.
check "there are huge pages" sh -c "echo 2 >/proc/sys/vm/nr_hugepages"
check_equal "a huge page as Device: the same" "$(by_policy "esr-el2 21" data)" \
	"$(outcome --nested $DEVICE huge)"
check_equal "each page of it is in its place" "data 0x1ff" \
	"$(s2-probe --sweep --nested $DEVICE huge)"

check_equal "memory that no user maps: Normal" data "$(outcome --nested $WRITE_BACK guest)"
check_equal "it as Device: Device" "$(by_policy "esr-el2 21" data)" \
	"$(outcome --nested $DEVICE guest)"
check_equal "it can be used as a device too" data "$(outcome --aligned --nested $DEVICE guest)"
check_traced "the trace says why" kvm_s2_policy \
	"type Device: limited by the guest hypervisor" \
	s2-probe --aligned --nested $DEVICE vfio "$device" 2
ktap_done
