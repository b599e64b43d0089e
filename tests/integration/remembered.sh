#!/bin/sh
# What ran when the daemon was stopped runs again when it is started; what was
# stopped stays stopped, and what was deleted is forgotten.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

start_daemon
od start -n running -i 2 -- sleep 1000
od start -n stopped -- sleep 1000
od start -n deleted -- sleep 1000
od stop stopped
od delete deleted
first=$(field running pid)

od daemon stop
gone "$first" || fail "$first outlived its daemon"
start_daemon

eventually state_is running online
eventually state_is running online 1
[ "$(field running pid)" != "$first" ] || fail "the pid is the same"
state_is stopped stopped || fail "'stopped' is $(field stopped status)"
[ -z "$(field deleted name)" ] || fail "'deleted' is there again"
