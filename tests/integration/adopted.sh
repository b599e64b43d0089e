#!/bin/sh
# "daemon stop --keep-apps" leaves the apps, and the next daemon takes them
# over: the same processes, not started again.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

start_daemon
od start -n kept -i 2 -- sleep 1000
first=$(field kept pid) second=$(field kept pid 1)

od daemon stop --keep-apps
gone "$first" && fail "$first did not outlive its daemon"
start_daemon

eventually state_is kept online
eventually state_is kept online 1
[ "$(field kept pid) $(field kept pid 1)" = "$first $second" ] ||
    fail "they were $first $second and are $(od list --json)"

# It is theirs in full: a stop ends them, and their end is noticed.
od stop kept
gone "$first" || fail "$first was not stopped"
gone "$second" || fail "$second was not stopped"
