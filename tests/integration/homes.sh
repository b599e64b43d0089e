#!/bin/sh
# Homes as they should not be: not writable, not a directory, of somebody else;
# and one of 200 characters, which is as good as any.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

# refused SENTENCE HOME: the start says it and leaves nothing running.
refused() {
	code=0
	od daemon start --home "$2" >"$dir/out" 2>"$dir/said" || code=$?
	[ "$code" = 1 ] || fail "$2: exit $code: $(cat "$dir/said")"
	contains "$dir/said" "$1" || fail "$2: it says $(cat "$dir/said")"
	od list --home "$2" >"$dir/out" 2>&1 && fail "$2: it runs"
	return 0
}

: >"$dir/file"
refused "is no directory" "$dir/file"
refused "cannot make the directory" "$dir/none/beside/it"
mkdir "$dir/strange"
if [ "$(id -u)" = 0 ]; then
	chown 1:1 "$dir/strange"
	refused "does not belong to root" "$dir/strange"
	mkdir "$dir/strange/below"
	refused "does not belong to root" "$dir/strange/below"
	mkdir -m 777 "$dir/open"
	refused "can be changed by others" "$dir/open"
	mkdir -m 700 "$dir/open/below"
	refused "can be changed by others" "$dir/open/below"
else
	chmod 500 "$dir/strange"
	refused "Permission denied" "$dir/strange"
	chmod 700 "$dir/strange"
fi

OD_HOME=$dir/$(printf '%0199d' 0)
export OD_HOME
start_daemon
od start -n app -- sleep 1000
state_is app online || fail "it is $(field app status)"
kill -KILL "$(about supervisor_pid)"
od stop app
