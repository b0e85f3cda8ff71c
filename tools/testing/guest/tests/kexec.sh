#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# Another kernel is fetched from the host, to go on with the tests that are left: init
# starts it when this one is over.  The IOMMU is at work all the time.

. /rv/lib/all.sh

[ -n "$RV_NET_PCI" ] || ktap_skip_all "the machine has no network card"
[ -f /sys/kernel/kexec_loaded ] || ktap_skip_all "the kernel has no kexec"

fetch()
{
	wget -q -T 60 -O "/tmp/$1" "$RV_HTTP/boot/$1"
}

# Which tests are left for the other kernel, and that it is the other one.
next_command_line()
{
	sed 's/rv\.test=kexec,/rv.kernel=other rv.test=/' /proc/cmdline
}

ktap_plan 5
check "the network has its address" \
	ifconfig "$(pci_net "$RV_NET_PCI")" "$RV_IP" netmask "$RV_MASK" up
check "the host has a kernel" fetch kernel
check "and an initramfs" fetch initrd
check "kexec takes them" kexec-start /tmp/kernel /tmp/initrd "$(next_command_line)"
check_equal "they are loaded" 1 "$(cat /sys/kernel/kexec_loaded)" && : >/tmp/other-kernel
ktap_done
