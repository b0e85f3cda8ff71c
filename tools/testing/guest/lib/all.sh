# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox source-path=SCRIPTDIR
#
# What every test starts with.

. /rv/lib/log.sh
. /rv/lib/ktap.sh
. /rv/lib/pci.sh
. /rv/lib/iommu.sh
. /rv/lib/host.sh
[ -f /rv/boot.env ] && . /rv/boot.env
true
