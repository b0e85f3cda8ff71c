#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# Takes a BAR with a grant from its user in two ways, and one without a grant in the same ways. What
# is read of the function's configuration space meanwhile the harness knows from QEMU: a byte that
# nobody else reads parts one from the next.

. /rv/lib/all.sh
. /rv/lib/vfio.sh
. /rv/lib/stage2.sh

# part: a mark in what is read.
part()
{
	dd if="$PCI/$device/config" of=/dev/null bs=1 skip=1 count=1
}

# probe_once OPTION...: whether a guest has had the BAR.
probe_once()
{
	local outcome

	outcome=$(s2-probe --aligned "$@" vfio "$device" 2)
	part && [ "$outcome" = "$wanted" ]
}

ktap_plan 8
device=$(root_port_child "$RV_RP1_PCI")
check "vfio accepts a machine without interrupt remapping" vfio_allow_interrupts
check "vfio-pci takes it" take "$device"
# It would be read when it is put to sleep, too; vfio-pci lets it sleep as it takes it.
check "it stays awake" sh -c "echo on >$PCI/$device/power/control"
check "it is read" part
wanted="data 0"
check "closed without a grant" probe_once --lower
check "closed with a grant" probe_once
wanted=$(by_policy "run EFAULT at 0x10000000" "run EFAULT")
check "switched off and closed without a grant" probe_once --lower --disable
check "switched off and closed with a grant" probe_once --disable
ktap_done
