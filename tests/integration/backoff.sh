#!/bin/sh
# An app that fails at once is started again after pauses that double, and is
# not given up.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

start_daemon
od start -n failing --no-wait -- "$fixtures/exiter" 0 1

failed_times() {
	[ "$(od events --json process:exited |
	    jq '[.[] | select(.subject == "failing")] | length')" -ge "$1" ]
}
eventually failed_times 5

# From each end to the next beginning, in milliseconds. A pause is
# 200 ms x 2^n, give or take a fifth; being late is no fault.
ms='(.time | capture("T(?<h>..):(?<m>..):(?<s>..)\\.(?<ms>...)") |
    ((.h | tonumber) * 3600 + (.m | tonumber) * 60 + (.s | tonumber)) * 1000
    + (.ms | tonumber))'
od events --json | jq -r '[.[] | select(.subject == "failing" and
    (.event == "process:starting" or .event == "process:exited"))] |
    .[] | "\(.event) \('"$ms"')"' >"$dir/times"
awk '
$1 == "process:exited" { ended = $2; next }
ended != "" {
	pause = $2 - ended
	if (pause < 0)
		pause += 86400000
	least = 0.8 * 200 * 2 ^ n++ - 1
	if (pause < least) {
		print "pause " n " is " pause " ms, less than " least
		bad = 1
	}
}
END { exit bad || n < 3 }' "$dir/times" || fail "too fast: $(cat "$dir/times")"
state_is failing errored && fail "it was given up"
exit 0
