#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# Upstream's selftests of KVM that go through ONE_REG, unchanged.

. /rv/lib/all.sh
. /rv/lib/kvm.sh

has_kvm

ktap_plan 2
ktap_subtest ebreak_test "$KVM_TESTS/ebreak_test"
# An emulated processor is late: 0.2 s are not yet too late.
ktap_subtest arch_timer "$KVM_TESTS/arch_timer" -e 200000
ktap_done
