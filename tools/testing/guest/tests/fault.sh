#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# A device that goes where nothing is mapped is stopped, and the log names it.
# The device is QEMU's iommu-testdev, which writes wherever it is told to.

. /rv/lib/all.sh
. /rv/lib/trace.sh

[ -n "$RV_TESTDEV_PCI" ] || ktap_skip_all "the machine has no iommu-testdev"
is_translated || ktap_skip_all "nothing is translated with iommu.passthrough=1"

# More than the event queue has buffers: each must have come back to the device.
BURST=600
# The period of the rate limit on the message, and a second more.
QUIET_SECONDS=6

# fault_is_traced IOVA: the trace says whose access it was.
fault_is_traced()
{
	trace_event iommu/io_page_fault 1 || return 1
	fault_is_reported "$1"
	trace_event iommu/io_page_fault 0
	# Without a driver, what stands before the address is the name of the bus.
	trace_has "$(printf 'io_page_fault: IOMMU:pci %s iova=0x%016x flags=0x0000' \
		"$RV_TESTDEV_PCI" "$(($1))")" || {
		tail -n 5 "$TRACING/trace"
		return 1
	}
}

ktap_plan 7
check_equal "no driver touches the device" "" "$(pci_driver "$RV_TESTDEV_PCI")"
check "a write to an unmapped page is refused and reported" fault_is_reported 0x12345000
check "so is one beyond 4 GiB" fault_is_reported 0x1234567890
check "so is one beyond the address width" fault_is_reported 0xaabbccddeeff00
check_equal "$BURST of them in a row are all refused" refused \
	"$(testdev-dma "$RV_TESTDEV_PCI" 0x23456000 "$BURST")"
sleep "$QUIET_SECONDS"
check "the next one after that is still reported" fault_is_reported 0x34567000
check "the trace names the device" fault_is_traced 0x45678000
ktap_done
