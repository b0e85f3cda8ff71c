#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# The selftest of memory types, and upstream's of KVM and vfio, unchanged.

. /rv/lib/all.sh
. /rv/lib/kvm.sh
. /rv/lib/vfio.sh
. /rv/lib/stage2.sh

VFIO_TESTS=/rv/kselftest/vfio

# character_device ADDRESS: the one of a function that vfio-pci has.
character_device()
{
	local device

	for device in "$PCI/$1"/vfio-dev/*; do
		echo "/dev/vfio/devices/${device##*/}"
	done
}

has_kvm
[ -d "$VFIO_TESTS" ] || ktap_skip_all "the selftests of vfio are not in the initramfs"

ktap_plan 9
endpoint=$(root_port_child "$RV_RP0_PCI")
granted=$(root_port_child "$RV_RP1_PCI")
check "vfio accepts a machine without interrupt remapping" vfio_allow_interrupts
check "vfio-pci takes a function with memory" take "$granted"
check "vfio-pci takes a network card" take "$endpoint"
ktap_subtest s2_memory_type_test "$KVM_TESTS/s2_memory_type_test" \
	-f "$(bar "$RV_IVSHMEM_PCI" 2)" -v "$(character_device "$granted")" -b 2
ktap_subtest smccc_filter "$KVM_TESTS/smccc_filter"
ktap_subtest external_aborts "$KVM_TESTS/external_aborts"
check "get-reg-list" "$KVM_TESTS/get-reg-list"
ktap_subtest vfio_pci_device_test "$VFIO_TESTS/vfio_pci_device_test" "$endpoint"
ktap_subtest vfio_iommufd_setup_test "$VFIO_TESTS/vfio_iommufd_setup_test" "$endpoint"
ktap_done
