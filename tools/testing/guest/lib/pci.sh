# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
#
# PCI devices by address, as sysfs shows them.

PCI=/sys/bus/pci/devices

# link_name LINK: the last part of where a link to a directory leads, empty if it is
# none.  Starts no program: one is expensive on an emulated processor.
link_name()
{
	(cd -P "$1" 2>/dev/null && echo "${PWD##*/}")
}

# link_path LINK: the whole of it.
link_path()
{
	(cd -P "$1" 2>/dev/null && echo "$PWD")
}

# pci_driver ADDRESS: the name of the bound driver, empty if there is none.
pci_driver()
{
	link_name "$PCI/$1/driver"
}

# pci_virtio ADDRESS: the virtio device (virtioN) of a virtio-pci function.
pci_virtio()
{
	local virtio

	for virtio in "$PCI/$1"/virtio*; do
		[ -d "$virtio" ] && echo "${virtio##*/}"
	done
}

# endpoint_id ADDRESS: by which number the IOMMU knows the function.
endpoint_id()
{
	local number=${1#*:} bus

	bus=${number%%:*}
	number=${number#*:}
	echo $(((0x$bus << 8) | (0x${number%.*} << 3) | ${number#*.}))
}

# class_member CLASS ADDRESS: which member of a class of devices is on that function.
class_member()
{
	local member

	for member in "/sys/class/$1"/*; do
		case $(link_path "$member") in
		*"/$2/"*) echo "${member##*/}" ;;
		esac
	done
}

# pci_block ADDRESS: /dev name of the disk on that function, empty if there is none.
pci_block()
{
	local block

	block=$(class_member block "$1")
	[ -n "$block" ] && echo "/dev/$block"
}

# has_disk ADDRESS
has_disk()
{
	[ -b "$(pci_block "$1")" ]
}

# pci_net ADDRESS: network interface on that function.
pci_net()
{
	class_member net "$1"
}

pci_unbind()
{
	[ ! -e "$PCI/$1/driver" ] || echo "$1" >"$PCI/$1/driver/unbind"
}

# pci_bind ADDRESS DRIVER: takes the function from its driver and gives it to this one.
pci_bind()
{
	pci_unbind "$1"
	echo "$2" >"$PCI/$1/driver_override"
	echo "$1" >/sys/bus/pci/drivers_probe
	[ "$(pci_driver "$1")" = "$2" ]
}

# pci_release ADDRESS: gives the function back to whatever driver matches by itself.
pci_release()
{
	pci_unbind "$1"
	echo >"$PCI/$1/driver_override"
	echo "$1" >/sys/bus/pci/drivers_probe
}

# wait_until SECONDS COMMAND...
wait_until()
{
	local end=$(($(uptime_seconds) + $1))

	shift
	until "$@"; do
		[ "$(uptime_seconds)" -lt "$end" ] || return 1
		sleep 0.2
	done
}
