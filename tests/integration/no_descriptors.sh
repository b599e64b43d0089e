#!/bin/sh
# Without descriptors, memory or processes to be had, a start fails with a
# sentence, no app is lost, and all is well when there are some again.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"
need prlimit

start_daemon
supervisor=$(about supervisor_pid)
keeper=$(about keeper_pid)
eventually plugin_is_online logs
od start -n steady -- "$fixtures/lines" steady 100
steady=$(field steady pid)

# starve PID LIMIT VALUE WORDS: a start cannot succeed, and says why.
n=0
starve() {
	was=$(prlimit --pid "$1" --"$2" --output SOFT,HARD --noheadings --raw |
	    tr ' ' :)
	prlimit --pid "$1" --"$2=$3:${was#*:}"
	n=$((n + 1))
	code=0
	od start -n "app$n" --timeout 5s -- sleep 1000 >"$dir/out" \
	    2>"$dir/said" || code=$?
	# The command line may have been refused for want of the same.
	[ "$code" = 0 ] || [ -s "$dir/said" ] || fail "$2 of $1: not a word"
	[ -z "$4" ] || grep -qiE "$4" "$dir/said" ||
	    fail "$2 of $1: it says '$(cat "$dir/said")', status $code"
	alive "$2 of $1"
	prlimit --pid "$1" --"$2=$was"
	usable() { od list >"$dir/out" 2>&1; }
	eventually usable
	od start -n "app$n" -- sleep 1000 >"$dir/out" 2>"$dir/said" || :
	eventually state_is "app$n" online
	alive "after $2 of $1"
	[ "$(about supervisor_pid)" = "$supervisor" ] ||
	    fail "$2 of $1: another supervisor"
	[ "$(about keeper_pid)" = "$keeper" ] || fail "$2 of $1: another keeper"
}

alive() {
	gone "$supervisor" && fail "$1: the supervisor is gone"
	gone "$keeper" && fail "$1: the keeper is gone"
	gone "$steady" && fail "$1: the app is gone"
	return 0
}

ls "/proc/$supervisor/fd" >"$dir/is" 2>&1 ||
    skip "only root may see how many descriptors the daemon has"
used() { find "/proc/$1/fd" -mindepth 1 | wc -l; }

starve "$supervisor" nofile "$(($(used "$supervisor") + 3))" \
    "too many open files|no descriptors|not answer"
starve "$keeper" nofile "$(($(used "$keeper")))" ""
capture=$(plugin capture pid)
# It cannot be looked at from outside, but by who has all rights.
if prlimit --pid "$capture" --nofile >"$dir/is" 2>&1; then
	starve "$capture" nofile "$(used "$capture")" ""
fi
starve "$supervisor" as \
    "$(($(awk '{ print $1 }' "/proc/$supervisor/statm") * 4096 + 65536))" ""
if [ "$(id -u)" != 0 ]; then
	starve "$supervisor" nproc 1 "limit of processes"
fi

eventually plugin_is_online capture
od stop steady
log=$OD_HOME/log/steady/0-out.log
eventually contains "$log" " ended "
awk '$3 == "ended" { n++; next }
    $3 != ++n { print "line", NR, "is", $0; exit 1 }' "$log" ||
    fail "the log has a hole"
