# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
#
# Events in the kernel's trace.

TRACING=/sys/kernel/tracing

# trace_event SYSTEM/EVENT 0|1
trace_event()
{
	[ -d "$TRACING/events" ] || mount -t tracefs tracefs "$TRACING" || return 1
	echo "$2" >"$TRACING/events/$1/enable"
}

trace_has()
{
	grep -qF -- "$1" "$TRACING/trace"
}
