#!/bin/sh
# A process that is killed comes back, as a new process, counted once.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

start_daemon
od start -n web -- sleep 1000
eventually state_is web online
before=$(field web pid)

kill -KILL "$before"

eventually back web "$before"
[ "$(field web restarts)" = 1 ] || fail "counted $(field web restarts) times"
