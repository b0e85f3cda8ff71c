# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
#
# KVM inside the guest.

KVM_TESTS=/rv/kselftest/kvm

# has_kvm: for tests that are to be skipped as a whole without it.
has_kvm()
{
	[ -c /dev/kvm ] || ktap_skip_all "there is no KVM here"
	[ -d "$KVM_TESTS" ] || ktap_skip_all "the selftests are not in the initramfs"
}

# kvm_load NAME: the C or the Rust one, in the place of what there is.
kvm_load()
{
	if [ -d /sys/module/kvm ]; then
		rmmod kvm || return 1
	fi
	insmod "/rv/modules/$1/kvm.ko"
}

# without_chatter PROGRAM: what the harness of the selftests says of each test beside
# its result is most of the output, and an emulated console takes its time.
without_chatter()
{
	local status

	"$@" >/tmp/output 2>&1
	status=$?
	grep -v -e '^#  RUN  ' -e '^#  *OK  ' /tmp/output
	return $status
}
