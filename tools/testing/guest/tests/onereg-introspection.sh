#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# What the Rust code tells of a guest beside its registers: a table in debugfs and a
# trace event, which say the same as the registers do.

. /rv/lib/all.sh
. /rv/lib/kvm.sh

kvm_load rust 2>/dev/null || ktap_skip_all "there is no Rust module"
has_kvm
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null

ktap_plan 1
ktap_subtest onereg_introspection_test without_chatter "$KVM_TESTS/onereg_introspection_test"
ktap_done
