#!/bin/sh
# An app that ignores SIGTERM is killed when its stop timeout is over.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

start_daemon
od start -n stubborn --stop-timeout 300 -- "$fixtures/stubborn"
pid=$(field stubborn pid)

od stop stubborn

gone "$pid" || fail "$pid is still there"
state_is stubborn stopped || fail "it is $(field stubborn status)"
signal=$(od events --json process:exited |
    jq '[.[] | select(.subject == "stubborn")] | last | .signal')
[ "$signal" = 9 ] || fail "it ended by signal $signal"
