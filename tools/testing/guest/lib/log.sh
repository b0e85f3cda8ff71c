# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
#
# The kernel's log and command line, and the lines for the host that share the log.

# rv_say TEXT: one control line for the host.
rv_say()
{
	printf 'rv: %s\n' "$*" >/dev/kmsg
}

# rv_option NAME: its value on the kernel command line, the last one if repeated.
rv_option()
{
	local command_line value='' word

	read -r command_line </proc/cmdline
	for word in $command_line; do
		[ "${word%%=*}" = "$1" ] && value=${word#*=}
	done
	echo "$value"
}

# What the kernel itself wrote, without time stamps and without our own lines.
kernel_log()
{
	dmesg | sed 's/^\[ *[0-9.]*\] //' | grep -v '^rv[|:] '
}

# log_mark: prints a word that stands in the log from now on, for log_since.
log_mark()
{
	local mark

	mark=log-mark-$$-$(cut -d ' ' -f 1 /proc/uptime)
	printf 'rv: %s\n' "$mark" >/dev/kmsg
	echo "$mark"
}

# log_since MARK: the kernel's own lines after the mark.
log_since()
{
	dmesg | sed -e "1,/rv: $1\$/d" -e 's/^\[ *[0-9.]*\] //' | grep -v '^rv[|:] '
}

# uptime_seconds: by the guest's clock, which a loaded host does not outrun.
uptime_seconds()
{
	local uptime

	read -r uptime _ </proc/uptime
	echo "${uptime%.*}"
}

# log_has_since MARK LINE: one pass over the log, for the loop below.
log_has_since()
{
	dmesg | awk -v mark="rv: $1" -v line="$2" '
		{ sub(/^\[ *[0-9.]+\] /, "") }
		$0 == mark { after = 1 }
		after && $0 == line { found = 1; exit }
		END { exit !found }'
}

# wait_for_log MARK SECONDS LINE: waits for exactly that line after the mark.
wait_for_log()
{
	local end=$(($(uptime_seconds) + $2))

	until log_has_since "$1" "$3"; do
		[ "$(uptime_seconds)" -lt "$end" ] || return 1
		sleep 0.2
	done
}

# log_says LINE: whether the kernel wrote exactly that, at any time.
log_says()
{
	kernel_log | grep -qxF -- "$1"
}
