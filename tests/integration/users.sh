#!/bin/sh
# Root runs an app as another user: its ids, no group of root's, and no rights.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"
need_root

start_daemon
od start -n nobody --user nobody -- sleep 1000

pid=$(field nobody pid)
uid=$(id -u nobody) gid=$(id -g nobody)
# ids KEY: real, effective, saved and of the file system.
ids() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$pid/status" | tr '\t' ' '; }
[ "$(ids Uid)" = "$uid $uid $uid $uid" ] || fail "its uids are $(ids Uid)"
[ "$(ids Gid)" = "$gid $gid $gid $gid" ] || fail "its gids are $(ids Gid)"
[ "$(ids CapEff)" = 0000000000000000 ] || fail "it has $(ids CapEff)"
for group in $(ids Groups); do
	id -G nobody | tr ' ' '\n' | grep -qxF "$group" ||
	    fail "it is in group $group"
done
