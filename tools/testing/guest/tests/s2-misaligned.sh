#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# What a guest is told of an access to a Device mapping that is not aligned: the same as by its own
# tables.

. /rv/lib/all.sh
. /rv/lib/stage2.sh

ktap_plan 6
device=$RV_IVSHMEM_PCI
file=$(bar "$device" 2)

check "the device is on" sh -c "echo 1 >$PCI/$device/enable"
for row in "a load,0x96000021," "a store,0x96000061,--store" \
	"a load in user mode,0x92000021,--el0" "a store in user mode,0x92000061,--el0 --store"; do
	IFS=, read -r name syndrome options <<-END
		$row
	END
	# shellcheck disable=SC2086 # several words
	check_equal "$name" "$(by_policy "esr $syndrome far 0x10000001" "run EFAULT")" \
		"$(s2-probe --far $options file "$file")"
done
check_equal "user mode can use it" "data 0" "$(s2-probe --el0 --aligned file "$file")"
ktap_done
