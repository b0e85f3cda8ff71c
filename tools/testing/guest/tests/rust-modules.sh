#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# The project's samples, as modules or built in: what each of them must say.

. /rv/lib/all.sh

# sample_state SYMBOL: y, m or empty.
sample_state()
{
	zcat /proc/config.gz | sed -n "s/^CONFIG_$1=//p"
}

log_matches()
{
	kernel_log | grep -qE "$1"
}

# load_sample STATE MODULE: a built-in one has spoken already.
load_sample()
{
	[ "$1" = y ] || insmod "/rv/modules/all/$2.ko"
}

unload_sample()
{
	[ "$1" = y ] || rmmod "$2"
}

# skip_sample MODULE REASON
skip_sample()
{
	for step in "is there" "says what it must" "can be unloaded"; do
		ktap_skip "$1 $step" "$2"
	done
}

# test_sample MODULE SYMBOL EXPRESSION: loads it, looks for its line, unloads it.
test_sample()
{
	state=$(sample_state "$2")
	if [ -z "$state" ]; then
		skip_sample "$1" "CONFIG_$2 is not set"
		return
	fi
	check "$1 is there" load_sample "$state" "$1"
	check "$1 says what it must" wait_until 10 log_matches "$3"
	check "$1 can be unloaded" unload_sample "$state" "$1"
}

ktap_plan 9
test_sample rust_minimal SAMPLE_RUST_MINIMAL '^rust_minimal: Rust minimal sample \(init\)$'
if [ "$RV_ARCH" = powerpc ]; then
	# With the C driver of the same device, too: tasks are resumed at the address of
	# another, in about one boot of three.
	skip_sample rust_driver_virtio_rng \
		"powerpc resumes tasks at wrong addresses after a device's interrupt, in C too"
elif [ -n "$RV_RNG_PCI" ]; then
	test_sample rust_driver_virtio_rng SAMPLE_RUST_DRIVER_VIRTIO_RNG \
		'device returned 64 bytes, not all equal$'
else
	skip_sample rust_driver_virtio_rng "the machine has no entropy device"
fi
test_sample rust_iommu SAMPLE_RUST_IOMMU \
	'^rust_iommu: page 1 is at Some\(.*\), unmapped 0x[1-9a-f][0-9a-f]* bytes, left None$'
ktap_done
