#!/bin/sh
# An app has descriptors 0, 1 and 2, and no others; 0 is /dev/null.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

# Not even those that the starter of the daemon had.
exec 7<"$0"
start_daemon
od start -n fds -- "$fixtures/fdlist" stay
exec 7<&-

log=$OD_HOME/log/fds/0-out.log
eventually contains "$log" end
numbers=$(sed -n 's/^\([0-9]*\) .*/\1/p' "$log" | sort -n | tr '\n' ' ')
[ "$numbers" = "0 1 2 " ] || fail "it has $(cat "$log")"
contains "$log" "0 /dev/null" || fail "0 is no /dev/null: $(cat "$log")"

# Nor after the supervisor that started it was another.
kill -KILL "$(about supervisor_pid)"
od start -n later -- "$fixtures/fdlist" stay
log=$OD_HOME/log/later/0-out.log
eventually contains "$log" end
numbers=$(sed -n 's/^\([0-9]*\) .*/\1/p' "$log" | sort -n | tr '\n' ' ')
[ "$numbers" = "0 1 2 " ] || fail "the later one has $(cat "$log")"
