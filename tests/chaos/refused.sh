#!/bin/sh
# The same where the kernel does not tell the status of a stranger's child
# (PIDFD_GET_INFO is refused by a filter), as before Linux 6.15.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"
need python3

code=0
"$fixtures/refuse_getinfo" "$build/bin/od" daemon start || code=$?
[ "$code" != 77 ] || skip "this kernel installs no seccomp filter"
[ "$code" = 0 ] || fail "the daemon did not start"
export OD_BUILD="$build"
# Root hears of exits through the proc connector.
set -- --kills "${OD_CHAOS_KILLS:-200}"
[ "$(id -u)" = 0 ] || set -- "$@" --unknown-is-allowed
python3 "$here/chaos.py" "$@"
