#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# The regions of the IOVA space that a device must not map are those that QEMU's
# machine offers by PROBE: its window for MSIs, and nothing beside it.

. /rv/lib/all.sh

[ -n "$RV_IOMMU_PCI" ] || ktap_skip_all "the machine has no virtio-iommu"

expected_regions()
{
	case $RV_ARCH in
	x86_64) echo "0x00000000fee00000 0x00000000feefffff msi" ;;
	arm64) echo "0x0000000008090000 0x000000000809ffff msi" ;;
	riscv) echo "0x0000000028000000 0x0000000028007fff msi" ;;
	*) return 1 ;;
	esac
}

expected_regions >/tmp/expected || ktap_skip_all "not known for $RV_ARCH"

# shellcheck disable=SC2046 # one word per address
set -- $(endpoints)
ktap_plan $#
for address; do
	check_equal "$address" "$(cat /tmp/expected)" \
		"$(cat "$GROUPS_DIR/$(group_of "$address")/reserved_regions")"
done
ktap_done
