#!/bin/sh
# One daemon to a home: a second one says which pid has it, and exits 3.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

start_daemon
keeper=$(about keeper_pid)

code=0
od daemon start 2>"$dir/said" || code=$?

[ "$code" = 3 ] || fail "it exited $code"
contains "$dir/said" "$keeper" || fail "$keeper is not in: $(cat "$dir/said")"
[ "$(about keeper_pid)" = "$keeper" ] || fail "the keeper is another"
