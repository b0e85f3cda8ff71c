#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# Upstream's selftest of the guest's counters, unchanged.

. /rv/lib/all.sh
. /rv/lib/kvm.sh

has_kvm

ktap_plan 1
ktap_subtest sbi_pmu_test "$KVM_TESTS/sbi_pmu_test"
ktap_done
