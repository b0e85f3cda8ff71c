#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# A guest goes on in another VM with all that its registers had.

. /rv/lib/all.sh
. /rv/lib/kvm.sh

has_kvm

ktap_plan 1
ktap_subtest onereg_migration_test without_chatter "$KVM_TESTS/onereg_migration_test" -f guest
ktap_done
