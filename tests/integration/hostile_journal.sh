#!/bin/sh
# Whatever od-journal claims, at the start too, nothing is said to be recorded
# that is not, and a successor records again what was asked for.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/integration/hostile.sh
. "$here/hostile.sh"

go_bad journal
start_witnesses
eventually plugin_is_online journal

for mode in dies sends_rubbish has_rows_of_rubbish has_rows_without_end \
    is_of_the_far_future has_synced_what_it_never_got warns_without_end; do
	behaves "$mode" convicted
done

# It says that it has what it never got: the answer warns.
echo says_nothing_more >"$dir/mode"
kill_it
replaced() { [ "$(plugin journal pid)" -gt 0 ]; }
eventually replaced
began=$(date +%s%N)
od start -n unrecorded -- sleep 1000 >"$dir/out" 2>"$dir/said" ||
    fail "od start: $(cat "$dir/said")"
took=$((($(date +%s%N) - began) / 1000000))
contains "$dir/said" "not recorded" || fail "no warning: $(cat "$dir/said")"
[ "$took" -lt 2500 ] || fail "it took $took ms"
: >"$dir/mode"
kill_it
eventually plugin_is_online journal
recording() { [ "$(about recording)" = true ]; }
eventually recording

# All that was asked for is on disk, and nothing else.
intact
od daemon stop
for mode in has_rows_of_rubbish is_of_the_far_future sends_rubbish; do
	echo "$mode" >"$dir/mode"
	if od daemon start >"$dir/out" 2>"$dir/said"; then
		fail "$mode: it started"
	fi
	: >"$dir/mode"
	ready() { od list >"$dir/out" 2>&1; }
	eventually ready
	[ "$(od list --json | jq -r '[.[].name] | sort | join(" ")')" = \
	    "steady unrecorded" ] || fail "$mode: $(cat "$dir/out")"
	[ "$(about recording)" = true ] || fail "$mode: it does not record"
	od daemon stop
done
