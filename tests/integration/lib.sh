# Sourced by every integration test: a private daemon in a private home,
# stopped and removed however the test ends, and no process left behind.
#
# Run a test through "make check", or by hand: OD_BUILD is the build tree,
# "build" beside the sources when it is not set.
# shellcheck shell=sh disable=SC2034,SC2119,SC2120
set -eu

here=$(cd "$(dirname "$0")" && pwd)
source=${OD_SOURCE:-$(cd "$here/../.." && pwd)}
build=${OD_BUILD:-$source/build}
fixtures=$build/tests/fixtures
examples=$source/docs/examples

# within gives the test a time limit and fails it for what it leaves behind.
if [ -z "${OD_WITHIN-}" ]; then
	OD_WITHIN=1 exec "$fixtures/within" "$0" "$@"
fi
unset OD_WITHIN

dir=$(mktemp -d "${TMPDIR:-/tmp}/od-test.XXXXXX")
export OD_HOME="$dir/home"
export NO_COLOR=1 PYTHONDONTWRITEBYTECODE=1

od() { "$build/bin/od" "$@"; }

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

# skip REASON: this machine cannot show it. Counted, and never silent.
skip() {
	echo "SKIP: $*" >&2
	exit 77
}

need() {
	for program; do
		command -v "$program" >/dev/null 2>&1 ||
		    skip "$program is not installed"
	done
}

need_root() { [ "$(id -u)" = 0 ] || skip "only root can show this"; }

need jq

start_daemon() { od daemon start "$@"; }

# Everything the daemon and its processes said, for a test that has failed.
show_logs() {
	od plugin list >&2 2>/dev/null || :
	find "$OD_HOME/log" -type f -name '*.log' -size +0 2>/dev/null | sort |
	    head -n 12 | while read -r file; do
		echo "--- $file"
		tail -n 20 "$file"
	done >&2
}

stop_daemon() {
	od daemon stop >"$dir/stop" 2>&1 || {
		[ "$?" = 3 ] || { cat "$dir/stop" >&2; return 1; }
	}
}

clean_up() {
	code=$?
	trap - EXIT
	[ "$code" = 0 ] || [ "$code" = 77 ] || show_logs
	# 3: none is running, which is how some tests end.
	if ! stop_daemon; then
		echo "FAIL: the daemon did not stop" >&2
		[ "$code" != 0 ] && [ "$code" != 77 ] || code=1
	fi
	rm -rf "$dir"
	exit "$code"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

# python: run the program on standard input, with the fixtures' modules at hand.
python() {
	OD_BUILD=$build OD_SOURCE=$source PYTHONPATH=$source/tests/fixtures \
	    python3 - "$@"
}

# Try a command until it succeeds: nothing here sleeps a while and hopes.
# OD_PATIENCE is the deadline in seconds.
eventually() {
	deadline=$(($(date +%s) + ${OD_PATIENCE:-20}))
	until "$@"; do
		[ "$(date +%s)" -le "$deadline" ] || fail "never happened: $*"
		sleep 0.05
	done
}

# field NAME KEY [INSTANCE]: one fact about one process.
field() {
	od list --json | jq -r --arg name "$1" --arg key "$2" \
	    --argjson instance "${3:-0}" '.[] |
	    select(.name == $name and .instance == $instance) | .[$key]'
}

state_is() { [ "$(field "$1" status "${3:-0}")" = "$2" ]; }

# back NAME PID: it is online again, and it is not PID.
back() { state_is "$1" online && [ "$(field "$1" pid)" != "$2" ]; }

# about KEY: one fact about the daemon; an object even where it is a row.
about() {
	od daemon status --json |
	    jq -r --arg key "$1" 'if type == "array" then .[0] else . end | .[$key]'
}

# plugin NAME KEY: one fact about one of our own processes.
plugin() {
	od plugin list --json | jq -r --arg name "$1" --arg key "$2" \
	    '.[] | select(.name == $name) | .[$key]'
}

plugin_is_online() { [ "$(plugin "$1" status)" = online ]; }

# gone PID: nothing of that number is alive (a zombie is not).
gone() {
	! grep -q '^State:.[^Z]' "/proc/$1/status" 2>/dev/null
}

# contains FILE TEXT: the file is there and says it.
contains() { grep -qF -- "$2" "$1" 2>/dev/null; }

# log_files NAME STREAM: the files of one stream in the order in which they were written.
log_files() {
	find "$OD_HOME/log/$1" -name "$2.log.[0-9]*" ! -name '*.gz' 2>/dev/null |
	    sort
	echo "$OD_HOME/log/$1/$2.log"
}

# as_user COMMAND...: as somebody without any right.
as_user() {
	if [ "$(id -u)" != 0 ]; then
		"$@"
		return
	fi
	setpriv --reuid "${OD_TEST_UID:-1000}" --regid "${OD_TEST_UID:-1000}" \
	    --clear-groups --bounding-set=-all env HOME="$dir/user" "$@"
}
