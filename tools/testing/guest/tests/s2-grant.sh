#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# Which BARs vfio-pci lets KVM map Normal Non-cacheable, and who has a say in it.

. /rv/lib/all.sh
. /rv/lib/stage2.sh

PARAMETERS=/sys/module/vfio_pci_core/parameters

# parameter NAME VALUE
parameter()
{
	echo "$2" >"$PARAMETERS/$1"
}

# override ADDRESS WORD
override()
{
	echo "$2" >"$PCI/$1/vfio_memory_type/override"
}

# fails COMMAND...: whether it does.
fails()
{
	! "$@" 2>/dev/null
}

# said ADDRESS BAR: what the file says of it.
said()
{
	sed -n "s/^bar$2: //p" "$PCI/$1/vfio_memory_type/bars"
}

# expect MODE: what each function gets by the mode.
expect()
{
	local mode=$1 row name function bar want

	shift
	parameter nc_mode "$mode"
	for row; do
		IFS=, read -r name function bar want <<-END
			$row
		END
		check_equal "$mode: $name" "$want" "$(may_use_nc vfio "$function" "$bar")"
	done
}

[ -e "$PARAMETERS/nc_mode" ] ||
	ktap_skip_all "vfio-pci asks no policy"
ktap_plan 47
conventional=$RV_IVSHMEM_PCI
integrated=$RV_INTEGRATED_PCI
endpoint=$(root_port_child "$RV_RP0_PCI")
memory=$(root_port_child "$RV_RP1_PCI")
bridged=$(root_port_child "$RV_BRIDGE_PCI")
for function in "$conventional" "$integrated" "$endpoint" "$memory" "$bridged" \
	"$RV_EDU_PCI"; do
	check "vfio-pci takes $function" take "$function"
done

check_equal "as C by default" compat "$(cat "$PARAMETERS/nc_mode")"
check_equal "conventional PCI is told" \
	"normal-nc: by the mode (conventional PCI, 64-bit, prefetchable)" \
	"$(said "$conventional" 2)"
check_equal "an integrated endpoint is told" "normal-nc: by the mode (integrated endpoint)" \
	"$(said "$integrated" 0)"
check_equal "where its MSI-X table is is told" \
	"normal-nc: by the mode (integrated endpoint, MSI-X table)" "$(said "$integrated" 3)"
check_equal "I/O ports are not told of" "" "$(said "$integrated" 2)"
check_equal "an endpoint is told" \
	"normal-nc: by the mode (PCI Express endpoint below a root port)" "$(said "$endpoint" 0)"
check_equal "a bridge is told" \
	"normal-nc: by the mode (behind a bridge to conventional PCI, 64-bit, prefetchable)" \
	"$(said "$bridged" 2)"
check_equal "a small BAR is told" "normal-nc: by the mode (conventional PCI, sub-page)" \
	"$(said "$conventional" 0)"

expect compat "conventional PCI,$conventional,2,yes" "a device of it,$RV_EDU_PCI,0,yes" \
	"integrated endpoint,$integrated,0,yes" "endpoint,$endpoint,0,yes" \
	"its memory,$memory,2,yes" "behind a bridge,$bridged,2,yes"
expect pcie "conventional PCI,$conventional,2,no" "a device of it,$RV_EDU_PCI,0,no" \
	"integrated endpoint,$integrated,0,no" "endpoint,$endpoint,0,yes" \
	"its memory,$memory,2,yes" "behind a bridge,$bridged,2,no"
expect prefetchable "conventional PCI,$conventional,2,no" "integrated endpoint,$integrated,0,no" \
	"endpoint,$endpoint,0,no" "its memory,$memory,2,yes" "behind a bridge,$bridged,2,no"
check_equal "the reason is told" \
	"device: by what the BAR is like (PCI Express endpoint below a root port)" \
	"$(said "$endpoint" 0)"
expect off "endpoint,$endpoint,0,no" "its memory,$memory,2,no"

override "$conventional" normal-nc
check_equal "the administrator can allow it to one device" yes \
	"$(may_use_nc vfio "$conventional" 2)"
check_equal "and to no other" no "$(may_use_nc vfio "$memory" 2)"
parameter nc_mode compat
override "$conventional" device
check_equal "he can forbid it to one device" no "$(may_use_nc vfio "$conventional" 2)"
check_equal "the reason is told" \
	"device: set by the administrator (conventional PCI, 64-bit, prefetchable)" \
	"$(said "$conventional" 2)"
check "he has to use the words that there are" fails override "$conventional" normal
check "so he has to for modes" fails parameter nc_mode all
override "$conventional" auto

parameter nc_quirk 1b36:000c
check_equal "an erratum of a root port concerns what is below" no \
	"$(may_use_nc vfio "$endpoint" 0)"
check_equal "and nothing else" yes "$(may_use_nc vfio "$conventional" 2)"
override "$endpoint" normal-nc
check_equal "the administrator knows better" yes "$(may_use_nc vfio "$endpoint" 0)"
override "$endpoint" auto
parameter nc_quirk 0:0

check_equal "a user can lower the type" no "$(may_use_nc --lower vfio "$conventional" 2)"
check_equal "what is mapped stays as it is" yes \
	"$(may_use_nc --lower-late vfio "$conventional" 2)"
ktap_subtest "the feature of the device" s2-feature "$integrated" 0 1 4
pci_unbind "$conventional"
check "the files go with the driver" fails test -e "$PCI/$conventional/vfio_memory_type"
ktap_done
