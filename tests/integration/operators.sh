#!/bin/sh
# Members of the run directory's group operate the daemon, and define apps
# that run as themselves: as nobody else, and with no group they have not got.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need setpriv

group=54399
chmod 711 "$dir"
mkdir -p "$OD_HOME/run"
chmod 711 "$OD_HOME" "$OD_HOME/run"
chgrp "$group" "$OD_HOME/run"
cp "$build/bin/od" "$dir/od"
chmod 755 "$dir/od"
start_daemon
chmod 711 "$OD_HOME" "$OD_HOME/run"

operator() {
	(cd / && setpriv --reuid 54321 --regid 54322 --groups "$group" \
	    "$dir/od" --home "$OD_HOME" "$@")
}
stranger() {
	(cd / && setpriv --reuid 54323 --regid 54324 --clear-groups \
	    "$dir/od" --home "$OD_HOME" "$@")
}

od start --name roots -- sleep 1000
operator list | grep -q roots || fail "an operator sees no apps"
operator restart roots >/dev/null || fail "an operator cannot restart an app"

operator start --name own --cwd / -- sleep 1000
pid=$(field own pid)
[ "$(awk '/^Uid:/ { print $2 }' "/proc/$pid/status")" = 54321 ] ||
    fail "an operator's app runs as somebody else"
awk '/^Groups:/ { print }' "/proc/$pid/status" | grep -qw "$group" ||
    fail "it has not got its groups"

refused() {
	code=0
	said=$("$@" 2>&1) || code=$?
	[ "$code" = 5 ] || fail "exit $code and not 5: $*: $said"
	case $said in
	*"not permitted"*) ;;
	*) fail "it does not say why: $said" ;;
	esac
}
refused operator delete roots
refused operator start --name roots --cwd / -- sleep 1
refused operator daemon stop
state_is roots online || fail "root's app was touched"

operator delete own >/dev/null

code=0
stranger list >/dev/null 2>&1 || code=$?
[ "$code" = 5 ] || fail "a stranger gets exit $code and not 5"
