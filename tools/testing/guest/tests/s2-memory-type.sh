#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# A guest may use Normal Non-cacheable for a BAR that vfio-pci assigned to it, and for
# nothing else.

. /rv/lib/all.sh
. /rv/lib/tracing.sh
. /rv/lib/stage2.sh

# has_flag FLAG ARGUMENT...: whether smaps shows it of what s2-probe maps.
has_flag()
{
	local flag=$1

	shift
	s2-probe "$@" | grep "^flags .* $flag "
}

# lacks_flag FLAG ARGUMENT...: whether it shows others only.
lacks_flag()
{
	local flag=$1

	shift
	s2-probe "$@" | grep "^flags " | grep -v " $flag "
}

ktap_plan 25
device=$RV_IVSHMEM_PCI
file=$(bar "$device" 2)

check_equal "memory is Normal" "data 0" "$(s2-probe anon)"
check_equal "memory is Normal in the tables" "$(seen NORMAL)" "$(type_of anon)"

# Nobody vouches for what is mapped through sysfs.
check "the device is on" sh -c "echo 1 >$PCI/$device/enable"
check_equal "a BAR without a grant can be read" "data 0" "$(s2-probe --aligned file "$file")"
check_equal "it is Device" "$(by_policy "$MISALIGNED" "run EFAULT")" "$(s2-probe file "$file")"
check_equal "it is Device when the host combines writes" \
	"$(by_policy "$MISALIGNED" "run EFAULT")" "$(s2-probe file "$(bar "$device" 2 _wc)")"
check_equal "it is not executable" "$FETCH_ABORT" "$(s2-probe --fetch file "$file")"
check_equal "it is Device in the tables" "$(seen DEVICE)" "$(type_of file "$file")"
check_equal "its writes cannot be logged" "slot EINVAL" "$(s2-probe --log file "$file")"

check "vfio-pci takes the device" take "$device"
check_equal "a BAR with a grant is Normal" "data 0" "$(s2-probe vfio "$device" 2)"
check_equal "it is not executable either" "$FETCH_ABORT" "$(s2-probe --fetch vfio "$device" 2)"
check_equal "it is Non-cacheable in the tables" "$(seen "block NORMAL-NC")" \
	"$(entry_of vfio "$device" 2)"
check_equal "nor can its writes be logged" "slot EINVAL" "$(s2-probe --log vfio "$device" 2)"
check_equal "not later either, and it stays a block" \
	"$(echo "slot EINVAL"; seen "block NORMAL-NC")" "$(entry_of --log-late vfio "$device" 2)"

# Who looks at the user sees what has been granted.
check "the grant is seen in smaps" has_flag uc --flags vfio "$device" 2
check "no grant is seen where there is none" lacks_flag uc --flags file "$file"

# One that is switched off is no page at all.
check_equal "a BAR that is off is told of" "$(by_policy "run EFAULT at 0x10000000" "run EFAULT")" \
	"$(s2-probe --disable vfio "$device" 2)"

# Nor is one that its user has unmapped, and no user fills the log with that.
check_equal "a BAR that is taken away is told of" \
	"$(by_policy "run EFAULT at 0x10000000" "run EFAULT")" \
	"$(s2-probe --unmap vfio "$device" 2)"
check_equal "the kernel's log says nothing of it" "$(by_policy 0 1)" \
	"$(dmesg | grep -c "Failed to find VMA")"

# C makes no difference between endpoints, and neither does this yet.
for function in "$RV_INTEGRATED_PCI" "$(root_port_child "$RV_RP0_PCI")"; do
	take "$function"
	outcome=$(s2-probe vfio "$function" 0)
	check_equal "a network card at ${function#0000:} is Normal" data "${outcome%% *}"
done

check_traced "the trace says who allows it" kvm_s2_policy \
	"type Normal-NC: granted by the driver" s2-probe vfio "$device" 2
check_traced "the trace says what is memory" kvm_s2_policy "type Normal: memory" s2-probe anon
check_traced "the trace says why a slot is refused" kvm_s2_policy_slot \
	"error -22: writes cannot be logged" s2-probe --log vfio "$device" 2
ktap_done
