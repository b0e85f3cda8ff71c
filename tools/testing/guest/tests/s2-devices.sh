#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# What a guest may do with one function of each kind, in each way to start KVM.

. /rv/lib/all.sh
. /rv/lib/vfio.sh
. /rv/lib/stage2.sh

# without_grant: what comes of a load that is not aligned, of a BAR that nobody vouches for.
without_grant()
{
	if is_mode protected; then
		by_policy "slot EINVAL" "run EINVAL"
	else
		by_policy "$MISALIGNED" "run EFAULT"
	fi
}

# with_grant ADDRESS BAR: whether it is as it has to be with a grant.
with_grant()
{
	if is_mode protected; then
		[ "$(s2-probe vfio "$@")" = "$(by_policy "slot EINVAL" "run EINVAL")" ]
	else
		[ "$(may_use_nc vfio "$@")" = yes ]
	fi
}

# has_wish ADDRESS BAR: whether a guest hypervisor is told of what it wanted as Device.
has_wish()
{
	case $(outcome --nested 1 vfio "$@") in
	"esr-el2 21") has_rust_policy ;;
	*) ! has_rust_policy ;;
	esac
}

if is_mode nested; then ktap_plan 21; else ktap_plan 16; fi
check "vfio accepts a machine without interrupt remapping" vfio_allow_interrupts
devices >/tmp/devices
while IFS=, read -r name function number; do
	[ -e "$PCI/$function/driver" ] || echo 1 >"$PCI/$function/enable"
	check_equal "$name: without a grant" "$(without_grant)" \
		"$(s2-probe file "$(bar "$function" "$number")")"
	check "$name: vfio-pci takes it" take "$function"
	check "$name: with a grant" with_grant "$function" "$number"
	! is_mode nested ||
		check "$name: as Device of a guest hypervisor" has_wish "$function" "$number"
done </tmp/devices
ktap_done
