#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# Upstream's get-reg-list, unchanged: the registers of a vCPU in each of its
# configurations, one result for each.

. /rv/lib/all.sh
. /rv/lib/kvm.sh

has_kvm

# It says "NAME: PASS", or in TAP that a thing is not available.
"$KVM_TESTS/get-reg-list" >/tmp/reg-list 2>&1
status=$?
configurations=$(grep -c -e ': PASS$' -e '# SKIP' /tmp/reg-list)

skipped=0
ktap_plan $((configurations + 1))
while IFS= read -r line; do
	case $line in
	*': PASS') ktap_pass "${line%: PASS}" ;;
	*'# SKIP'*'not available'*)
		line=${line#*# SKIP}
		line=${line# - }
		line=${line# }
		# It tells what is missing, and not of which configuration.
		skipped=$((skipped + 1))
		ktap_skip "${line%% not available*} ($skipped)" "not available here"
		;;
	*'# SKIP'*) ktap_skip "unnamed" "${line#*# SKIP}" ;;
	*) ktap_note "$line" ;;
	esac
done </tmp/reg-list
check_equal "all configurations end well" 0 "$status"
ktap_done
