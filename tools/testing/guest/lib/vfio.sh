# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
#
# What VFIO needs before it hands out a device.

# A virtio-iommu does not remap interrupts: VFIO wants to be told that this is known.
vfio_allow_interrupts()
{
	for module in vfio_iommu_type1 iommufd; do
		parameter=/sys/module/$module/parameters/allow_unsafe_interrupts
		[ -f "$parameter" ] || {
			echo "no $parameter"
			return 1
		}
		echo 1 >"$parameter" || return 1
	done
}
