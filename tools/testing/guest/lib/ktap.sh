# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
#
# KTAP on standard output.  A script calls ktap_plan first and `exit`s with
# ktap_done last.

ktap_number=0
ktap_failed=0
ktap_planned=0

ktap_plan()
{
	ktap_planned=$1
	echo "KTAP version 1"
	echo "1..$1"
}

ktap_note()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

ktap_result()
{
	ktap_number=$((ktap_number + 1))
	echo "$1 $ktap_number - $2"
}

ktap_pass()
{
	ktap_result ok "$1"
}

ktap_fail()
{
	ktap_failed=$((ktap_failed + 1))
	ktap_result "not ok" "$1"
}

# ktap_skip NAME REASON
ktap_skip()
{
	ktap_result ok "$1 # SKIP $2"
}

# ktap_skip_all REASON: for a script that can do nothing at all here.
ktap_skip_all()
{
	ktap_plan 1
	ktap_skip "everything" "$1"
	exit 4
}

# check NAME COMMAND...: passes if the command succeeds; its output explains a failure.
check()
{
	local name=$1 output

	shift
	if output=$("$@" 2>&1); then
		ktap_pass "$name"
	else
		ktap_note "failed: $*"
		[ -z "$output" ] || ktap_note "$output"
		ktap_fail "$name"
		return 1
	fi
}

# check_equal NAME EXPECTED GOT
check_equal()
{
	if [ "$2" = "$3" ]; then
		ktap_pass "$1"
	else
		ktap_note "expected: $2"
		ktap_note "got:      $3"
		ktap_fail "$1"
		return 1
	fi
}

# ktap_subtest NAME COMMAND...: one that prints (K)TAP of its own, whose exit status
# is 0 for passed, 4 for skipped as a whole and anything else for failed.
ktap_subtest()
{
	local name=$1

	shift
	{
		"$@"
		echo $? >/tmp/subtest-status
	} 2>&1 | sed 's/^/    /'
	case $(cat /tmp/subtest-status) in
	0) ktap_pass "$name" ;;
	4) ktap_skip "$name" "it skips itself here" ;;
	*) ktap_fail "$name" ;;
	esac
}

# The exit status of the whole script.
ktap_done()
{
	if [ "$ktap_number" -ne "$ktap_planned" ]; then
		ktap_note "planned $ktap_planned results but there are $ktap_number"
		exit 1
	fi
	[ "$ktap_failed" -eq 0 ]
	exit
}
