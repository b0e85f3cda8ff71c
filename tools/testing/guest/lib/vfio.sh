# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
#
# What VFIO needs before it hands out a device.

# vfio_modules: what makes address spaces; type1 is not there on all architectures.
vfio_modules()
{
	[ ! -d /sys/module/vfio_iommu_type1 ] || echo vfio_iommu_type1
	echo iommufd
}

# A virtio-iommu does not remap interrupts: VFIO wants to be told that this is known.
vfio_allow_interrupts()
{
	for module in $(vfio_modules); do
		parameter=/sys/module/$module/parameters/allow_unsafe_interrupts
		[ -f "$parameter" ] || {
			echo "no $parameter"
			return 1
		}
		echo 1 >"$parameter" || return 1
	done
}
