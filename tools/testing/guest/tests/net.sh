#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# A network card behind the IOMMU: megabytes come and go unchanged.

. /rv/lib/all.sh

[ -n "$RV_NET_PCI" ] || ktap_skip_all "the machine has no network card"
interface=$(pci_net "$RV_NET_PCI")

# busybox's --post-file ends at the first NUL, hence text.
make_upload()
{
	dd if=/dev/urandom bs=64k count=8 status=none | base64 >/tmp/upload
	echo "$(wc -c </tmp/upload) $(sha256sum </tmp/upload | cut -d ' ' -f 1)"
}

ktap_plan 7
check "the card on $RV_NET_PCI has an interface" test -n "$interface"
check "it is behind the IOMMU" is_behind_iommu "$RV_NET_PCI"
check_equal "virtio-net leaves its addresses to the platform" 1 \
	"$(cut -c 34 "$PCI/$RV_NET_PCI/$(pci_virtio "$RV_NET_PCI")/features")"
check "it gets its address" ifconfig "$interface" "$RV_IP" netmask "$RV_MASK" up
check "a payload of $RV_NET_BYTES bytes comes in" \
	wget -q -T 60 -O /tmp/payload "$RV_HTTP/payload"
check_equal "it is what the host sent" "$RV_NET_BYTES $RV_NET_SHA256" \
	"$(wc -c </tmp/payload) $(sha256sum </tmp/payload | cut -d ' ' -f 1)"
sent=$(make_upload)
wget -q -T 60 -O /dev/null --post-file /tmp/upload "$RV_HTTP/upload/guest-data"
check_equal "the host receives what goes out" "$sent" "$(rv_host uploaded guest-data)"
ktap_done
