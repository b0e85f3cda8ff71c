#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# A host whose hypervisor maps memory only says so where a device is put into a slot.

. /rv/lib/all.sh
. /rv/lib/stage2.sh

ktap_plan 4
device=$RV_IVSHMEM_PCI

check_equal "memory can be used" "data 0" "$(s2-probe anon)"
check "the device is on" sh -c "echo 1 >$PCI/$device/enable"
check_equal "a BAR without a grant is refused" "$(by_policy "slot EINVAL" "run EINVAL")" \
	"$(s2-probe --aligned file "$(bar "$device" 2)")"
take "$device"
check_equal "a BAR with a grant is refused" "$(by_policy "slot EINVAL" "run EINVAL")" \
	"$(s2-probe --aligned vfio "$device" 2)"
ktap_done
