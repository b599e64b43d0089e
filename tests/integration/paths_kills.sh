#!/bin/sh
# Logs under users' paths: SIGKILL of whoever opens, rotates or writes them, on
# two file systems, loses no line and doubles none.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"
need python3

uid=$(id -u)
[ "$uid" != 0 ] || uid=$(id -u nobody)
mkdir "$dir/here"
chmod 711 "$dir"
[ "$(id -u)" != 0 ] || chown "$uid:$uid" "$dir/here"
set -- "here=$dir/here"

# Another file system has an od-capture of its own.
there=
if [ -w /dev/shm ] &&
    [ "$(stat -c %d /dev/shm)" != "$(stat -c %d "$dir")" ]; then
	there=$(mktemp -d /dev/shm/od-test.XXXXXX)
	[ "$(id -u)" != 0 ] || chown "$uid:$uid" "$there"
	set -- "$@" "there=$there"
	trap 'code=$?; rm -rf "$there"; (exit "$code"); clean_up' EXIT
fi

start_daemon
OD_BUILD=$build PYTHONPATH=$source/tests/fixtures \
    python3 "$here/paths_kills.py" "$uid" "$@"
[ -z "$there" ] || plugin_is_online capture-2 ||
    fail "there is no od-capture for /dev/shm"

# An od-capture that has nothing to do ends.
od delete all
ended() { [ -z "$(plugin capture-2 pid)" ]; }
eventually ended
