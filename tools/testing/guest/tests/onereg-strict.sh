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

ktap_plan 7
check_equal "the rules are not strict at first" N "$(cat "$STRICT")"
echo 1 >"$STRICT"
check_equal "the rules are strict" Y "$(cat "$STRICT")"
# What these rules alone can switch off.  All else has been tried with the usual rules,
# and is gone by these as well, which get there another way.
gone=
for ext in F D V SMNPM ZICBOM ZICBOZ SVPBMT SMSTATEEN SVADU; do
	gone="$gone -r isa_ext.$ext.is_gone_when_switched_off"
done
# shellcheck disable=SC2086 # these are many words
strict_test isa_ext_disable_test -v ZICNTR -v ZIHPM -v ZKR -v SSAIA $gone \
	-t f_switched_off_alone -t d_switched_off_alone \
	-t base_counters_go_by_strict_rules_without_sstc -t all_base_counters_are_gone \
	-t whatever_can_be_switched_off_can_be_missed -t time_is_gone_for_one_guest_only
strict_test onereg_strict_test
strict_test onereg_introspection_test
strict_test onereg_migration_test -v ran_by_list -v fresh_from_the_end
strict_test onereg_vector_test
ktap_done
