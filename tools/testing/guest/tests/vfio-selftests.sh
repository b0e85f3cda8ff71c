#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# Upstream's selftests of vfio, unchanged, on the NVMe controller: it has a BAR to
# map, MSI-X and a reset.  They go through all five ways to an IOMMU.

. /rv/lib/all.sh
. /rv/lib/vfio.sh

TESTS=/rv/kselftest/vfio
[ -n "$RV_NVME_PCI" ] || ktap_skip_all "the machine has no NVMe controller"
[ -d "$TESTS" ] || ktap_skip_all "they are not in the initramfs"

mount -t hugetlbfs -o pagesize=2M none /dev/hugepages
echo 8 >/proc/sys/vm/nr_hugepages

ktap_plan 9
check "vfio accepts a machine without interrupt remapping" vfio_allow_interrupts
check "vfio-pci takes the NVMe controller" pci_bind "$RV_NVME_PCI" vfio-pci
for name in vfio_dma_mapping_test vfio_dma_mapping_mmio_test vfio_iommufd_setup_test \
	vfio_pci_device_test vfio_pci_device_init_perf_test; do
	ktap_subtest "$name" "$TESTS/$name" "$RV_NVME_PCI"
done
pci_release "$RV_NVME_PCI"
check "the NVMe disk comes back" wait_until 20 has_disk "$RV_NVME_PCI"
check_equal "its group is the kernel's again" "$EXPECTED_TYPE" \
	"$(group_type "$(group_of "$RV_NVME_PCI")")"
ktap_done
