#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# The administrator can take Normal Non-cacheable from all devices.

. /rv/lib/all.sh
. /rv/lib/tracing.sh
. /rv/lib/stage2.sh

has_rust_policy || ktap_skip_all "C has no such parameter"
ktap_plan 6
device=$RV_IVSHMEM_PCI

check "vfio-pci takes the device" take "$device"
check_equal "memory is Normal" "data 0" "$(s2-probe anon)"
check_equal "a BAR with a grant is Device" "$MISALIGNED" "$(s2-probe vfio "$device" 2)"
check_equal "it is Device in the tables" DEVICE "$(type_of vfio "$device" 2)"
check_equal "what vfio-pci allows is more" \
	"normal-nc: by the mode (conventional PCI, 64-bit, prefetchable)" \
	"$(sed -n "s/^bar2: //p" "$PCI/$device/vfio_memory_type/bars")"
check_traced "the trace says why" kvm_s2_policy \
	"type Device: limited for this machine" s2-probe --aligned vfio "$device" 2
ktap_done
