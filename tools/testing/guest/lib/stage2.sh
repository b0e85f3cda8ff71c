# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
#
# Guests of the guest, and which of the two policies decides for them.

# What a guest is told: an external abort of a fetch, and a load that is not aligned.
# shellcheck disable=SC2034
FETCH_ABORT="esr 0x86000010" MISALIGNED="esr 0x96000021"

# has_rust_policy: whether the policy in Rust decides, and not the rules of C.
has_rust_policy()
{
	is_policy_built && ! grep -qw kvm-arm.s2_policy=c /proc/cmdline
}

# is_policy_built: whether this kernel has the policy, and shows memory types.
is_policy_built()
{
	zcat /proc/config.gz | grep -q '^CONFIG_KVM_ARM64_S2_POLICY_RUST=y$'
}

# seen TYPE: what the tables show of a page of that type.
seen()
{
	if is_policy_built; then echo "$1"; fi
}

# by_policy RUST C: one of the two.
by_policy()
{
	if has_rust_policy; then echo "$1"; else echo "$2"; fi
}

# bar ADDRESS NUMBER [_wc]: the file through which anybody can map that BAR.
bar()
{
	echo "$PCI/$1/resource$2${3-}"
}

# take ADDRESS: gives the function to vfio-pci.
take()
{
	pci_bind "$1" vfio-pci
}

# outcome ARGUMENT...: the first word of s2-probe, and for an exception the last two digits.
outcome()
{
	s2-probe "$@" | sed -n 's/^\(esr-el2\|esr\) .*\(..\)$/\1 \2/p; t; s/ .*//p'
}

# may_use_nc ARGUMENT...: whether a guest may use Normal Non-cacheable for what s2-probe
# maps: its load comes through to the device, which need not like it.
may_use_nc()
{
	case $(s2-probe "$@") in
	"$MISALIGNED" | "run EFAULT") echo no ;;
	data* | "esr 0x96000010") echo yes ;;
	*) echo unknown ;;
	esac
}

# entry_of ARGUMENT...: "block" or "page" and the memory type, as the tables show it for what
# s2-probe puts into a machine; empty if there is none to be seen. Before that comes what
# s2-probe says of the slot.
entry_of()
{
	s2-probe --tables --aligned "$@" | awk '
		/^slot / { print }
		/^table 0x0*10000000-/ {
			kind = / BLK/ ? "block" : "page"
			for (i = 1; i <= NF; i++)
				if ($i ~ /^(NORMAL|NORMAL-NC|DEVICE)$/)
					print kind, $i
		}'
}

# type_of ARGUMENT...: the memory type alone.
type_of()
{
	entry_of "$@" | sed -n 's/^\(block\|page\) //p'
}

# decisions EVENT COMMAND...: what the trace says of the command.
decisions()
{
	local event=$TRACING/events/kvm/$1

	shift
	tracing_mount || return 1
	: >"$TRACING/trace"
	echo 1 >"$event/enable" || return 1
	"$@"
	echo 0 >"$event/enable"
	cat "$TRACING/trace"
}

# traced EVENT TEXT COMMAND...: whether the trace of the command has the text.
traced()
{
	local event=$1 text=$2

	shift 2
	decisions "$event" "$@" | grep -F "$text"
}

# check_traced NAME EVENT TEXT COMMAND...: whether the trace has the text, if there is one.
check_traced()
{
	local name=$1

	shift
	if ! has_rust_policy; then
		ktap_skip "$name" "C traces no decisions"
	elif [ ! -d "$TRACING" ]; then
		ktap_skip "$name" "this kernel traces nothing"
	else
		check "$name" traced "$@"
	fi
}

# devices: lines NAME,ADDRESS,BAR for one function of each kind, with a BAR that can be mapped.
devices()
{
	echo "shared memory,$RV_IVSHMEM_PCI,2"
	echo "a teaching device,$RV_EDU_PCI,0"
	echo "an integrated network card,$RV_INTEGRATED_PCI,0"
	echo "a network card below a root port,$(root_port_child "$RV_RP0_PCI"),0"
	echo "a test device behind a bridge,$(root_port_child "$RV_BRIDGE_PCI"),2"
}

# is_mode MODE: whether that is how KVM was started.
is_mode()
{
	grep -qw "kvm-arm.mode=$1" /proc/cmdline
}

# root_port_child ADDRESS: the function behind a root port.
root_port_child()
{
	local child

	for child in "$PCI/$1"/*:*:*.*; do
		[ -d "$child/iommu_group" ] && echo "${child##*/}"
	done | head -n 1
}
