#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# What the registers of a vCPU say is what its guest finds, and a VMM that is wrong
# or hostile gets an error: the project's own selftests.

. /rv/lib/all.sh
. /rv/lib/kvm.sh

has_kvm

mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null

ktap_plan 5
for name in pointer_masking_test isa_ext_disable_test onereg_vector_test \
	onereg_hostile_test; do
	ktap_subtest "$name" without_chatter "$KVM_TESTS/$name"
done
# A guest that goes on elsewhere is for the quick kernel: onereg-moves.
ktap_subtest onereg_migration_test without_chatter "$KVM_TESTS/onereg_migration_test" -F guest
ktap_done
