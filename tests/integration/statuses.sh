#!/bin/sh
# How an app ended is known exactly: its code, or its signal.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

start_daemon
for code in 0 1 7 255; do
	od start -n "code$code" --restart never --no-wait -- \
	    "$fixtures/exiter" 20 "$code"
done
for signal in 6 9 11 15; do
	od start -n "signal$signal" --restart never --no-wait -- \
	    "$fixtures/exiter" 20 "-$signal"
done

# ended NAME: its events of that kind, as "code signal" lines.
ended() {
	od events --json process:exited | jq -r --arg name "$1" \
	    '.[] | select(.subject == $name) | "\(.code) \(.signal)"'
}
has_ended() { [ -n "$(ended "$1")" ]; }

for code in 0 1 7 255; do
	eventually has_ended "code$code"
	[ "$(ended "code$code")" = "$code 0" ] ||
	    fail "code $code: $(ended "code$code")"
done
for signal in 6 9 11 15; do
	eventually has_ended "signal$signal"
	[ "$(ended "signal$signal")" = "-1 $signal" ] ||
	    fail "signal $signal: $(ended "signal$signal")"
done
