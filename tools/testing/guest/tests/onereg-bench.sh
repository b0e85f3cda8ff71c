#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# How long KVM takes at its ONE_REG interface: figures for the host to compare.

. /rv/lib/all.sh

[ -c /dev/kvm ] || ktap_skip_all "there is no KVM here"

ktap_plan 1
if onereg-time >/tmp/figures; then
	cat /tmp/figures
	ktap_pass "figures"
else
	ktap_fail "figures"
fi
ktap_done
