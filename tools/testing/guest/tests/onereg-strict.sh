#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# Under the Rust code's strict rules more can be switched off, and all of it is gone
# for the guest then.

. /rv/lib/all.sh
. /rv/lib/kvm.sh

STRICT=/sys/module/kvm/parameters/onereg_strict

kvm_load rust 2>/dev/null || ktap_skip_all "there is no Rust module"
[ -w "$STRICT" ] || ktap_skip_all "the module has no strict rules"
has_kvm

ktap_plan 2
echo 1 >"$STRICT"
check_equal "the rules are strict" Y "$(cat "$STRICT")"
ktap_subtest isa_ext_disable_test without_chatter "$KVM_TESTS/isa_ext_disable_test"
ktap_done
