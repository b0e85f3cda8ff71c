# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
#
# Requests to the host.

# rv_host VERB ARGUMENTS...: prints what the host answers; fails if it refuses or is silent.
rv_host()
{
	local word status answer

	stty -echo -icrnl </dev/console
	rv_say "host $*"
	# shellcheck disable=SC3045 # busybox knows read -t
	if ! read -r -t 60 word status answer </dev/console; then
		echo "no answer from the host"
		return 1
	fi
	echo "$answer"
	[ "$word" = rv-reply ] && [ "$status" = ok ]
}
