#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# The driver is bound and looks from outside as users of the C driver know it:
# names, aliases, sysfs files and the two lines of its greeting.

. /rv/lib/all.sh

[ -n "$RV_IOMMU_PCI" ] || ktap_skip_all "the machine has no virtio-iommu"
virtio=$(pci_virtio "$RV_IOMMU_PCI")
device=/sys/bus/virtio/devices/$virtio
class=/sys/class/iommu/$RV_IOMMU_PCI

# Width of IOVAs that QEMU offers on its machines.
address_bits()
{
	case $RV_ARCH in
	x86_64) echo 39 ;;
	riscv) echo 64 ;;
	*) echo 48 ;;
	esac
}

# The strings that a module carries, one per line.
module_strings()
{
	tr '\0' '\n' <"/rv/modules/$RV_DRIVER/virtio-iommu.ko"
}

# What the driver said at all; its faults are for the tests that cause them.
greeting()
{
	kernel_log | grep '^virtio_iommu ' | grep -v ' fault from EP '
}

expected_greeting()
{
	echo "virtio_iommu $virtio: input address: $(address_bits) bits"
	echo "virtio_iommu $virtio: page mask: 0xfffffffffffff000"
}

# It stands in the class with every function that it translates for.
class_lists_endpoints()
{
	for address in $(endpoints); do
		if [ ! -e "$class/devices/$address" ]; then
			echo "no $address in $class/devices"
			return 1
		fi
	done
}

# Every endpoint leads back to the IOMMU.
endpoints_lead_back()
{
	for address in $(endpoints); do
		found=$(link_path "$PCI/$address/iommu")
		if [ "$found" != "$(link_path "$class")" ]; then
			echo "$address leads to $found"
			return 1
		fi
	done
}

# feature BIT: 1 if the driver and the device agreed on it.
feature()
{
	cut -c "$(($1 + 1))" "$device/features"
}

# An indirect descriptor is an allocation for each request, so the Rust driver wants none.
expected_indirect()
{
	[ "$RV_DRIVER" = c ] && echo 1 || echo 0
}

INDIRECT_DESC=28

ktap_plan 10
check_equal "the driver's name is virtio_iommu" virtio_iommu \
	"$(link_name "$device/driver")"
check_equal "the device's modalias" virtio:d00000017v00001AF4 \
	"$(cat "$device/modalias")"
if [ -f "/rv/modules/$RV_DRIVER/virtio-iommu.ko" ]; then
	check_equal "the module's alias" "alias=virtio:d00000017v*" \
		"$(module_strings | grep '^alias=')"
	check_equal "the module's name" name=virtio_iommu \
		"$(module_strings | grep '^name=')"
else
	ktap_skip "the module's alias" "the driver is built in"
	ktap_skip "the module's name" "the driver is built in"
fi
check_equal "it says what the C driver says and no more" \
	"$(expected_greeting)" "$(greeting)"
check_equal "the iommu class entry belongs to the virtio device" \
	"$(link_path "$device")" "$(link_path "$class/device")"
check "the iommu class entry lists all endpoints" class_lists_endpoints
check "all endpoints lead back to the iommu" endpoints_lead_back
check_equal "indirect descriptors are negotiated as the driver wants" \
	"$(expected_indirect)" "$(feature $INDIRECT_DESC)"
check_equal "the iommu itself is in no group" "" "$(group_of "$RV_IOMMU_PCI")"
ktap_done
