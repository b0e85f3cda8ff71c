#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# All answers of the interface, from the C and from the Rust module on the same
# kernel: the same text, but for the lines that lib/onereg-differences has.

. /rv/lib/all.sh
. /rv/lib/kvm.sh
. /rv/lib/onereg-differences.sh

for name in c rust; do
	[ -f "/rv/modules/$name/kvm.ko" ] || ktap_skip_all "there is no $name module"
done
[ -d "$KVM_TESTS" ] || ktap_skip_all "the selftests are not in the initramfs"

# All ids of all shapes are more than a kernel with all checks on gets done in a minute.
brief=$(rv_option rv.brief)

# answers NAME: what the module of that name says, in a file.
answers()
{
	# The framework of the selftests rolls dice that this program has no use for.
	kvm_load "$1" && "$KVM_TESTS/isa_ext_oracle" ${brief:+brief} >/tmp/answers &&
		grep -v "^Random seed" /tmp/answers >"/tmp/$1"
}

same_answers()
{
	onereg_differences </tmp/c >/tmp/expected
	# Enough of it to see what it is about.
	diff /tmp/expected /tmp/rust >/tmp/diff && return
	head -n 60 /tmp/diff
	return 1
}

ktap_plan 4
check "the C module answers" answers c
check "the Rust module takes its place, and answers" answers rust
ktap_note "$(wc -l </tmp/c) answers, $(sort /tmp/c /tmp/rust | uniq -u | wc -l) in one only"
check "there are answers" test "$(wc -l </tmp/c)" -gt 900
check "they are the same, but for the known ones" same_answers
ktap_done
