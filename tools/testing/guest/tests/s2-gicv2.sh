#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# The virtual interface of a GICv2, which guests share, is Device; and what a machine
# without forced write-back does with the rest.

. /rv/lib/all.sh
. /rv/lib/vfio.sh
. /rv/lib/stage2.sh

ktap_plan 7
device=$RV_IVSHMEM_PCI

check_equal "the interface can be read" data "$(s2-probe --aligned gicv | sed 's/ .*//')"
check_equal "it is Device" "$(by_policy "$MISALIGNED" "run EFAULT")" "$(s2-probe gicv)"
check_equal "memory is Normal" "data 0" "$(s2-probe anon)"
check "vfio accepts a machine without interrupt remapping" vfio_allow_interrupts
check "vfio-pci takes the device" take "$device"
check_equal "a BAR with a grant is Normal" yes "$(may_use_nc vfio "$device" 2)"
check_equal "a BAR without a grant is Device" \
	"$(by_policy "$MISALIGNED" "run EFAULT")" "$(s2-probe file "$(bar "$device" 2)")"
ktap_done
