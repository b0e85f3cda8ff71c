#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# Under the Rust code's strict rules more can be switched off, and all of it is gone
# for the guest then; a guest has no extension without those that it needs.

. /rv/lib/all.sh
. /rv/lib/kvm.sh

STRICT=/sys/module/kvm/parameters/onereg_strict

# strict_test PROGRAM [ARGUMENT...]
strict_test()
{
	local name=$1

	shift
	ktap_subtest "$name" without_chatter "$KVM_TESTS/$name" "$@"
}

kvm_load rust 2>/dev/null || ktap_skip_all "there is no Rust module"
[ -w "$STRICT" ] || ktap_skip_all "the module has no strict rules"
has_kvm
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null

ktap_plan 6
check_equal "the rules are not strict at first" N "$(cat "$STRICT")"
echo 1 >"$STRICT"
check_equal "the rules are strict" Y "$(cat "$STRICT")"
# What can be switched off with the usual rules has been tried with those.
strict_test isa_ext_disable_test -v ZICNTR -v ZIHPM -v ZKR -v SSAIA \
	-t whatever_can_be_switched_off_can_be_missed -t time_is_gone_for_one_guest_only
strict_test onereg_strict_test
strict_test onereg_introspection_test
strict_test onereg_migration_test -v ran_by_list -v fresh_from_the_end -f guest
ktap_done
