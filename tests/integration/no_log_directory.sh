#!/bin/sh
# A log directory that takes nothing any more is said; lines wait in the pipes
# and come when it takes them again.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

start_daemon
eventually plugin_is_online capture
if [ "$(id -u)" = 0 ]; then
	# Root's own processes are stopped by modes, too: they are not root.
	owner=$(stat -c %u:%g "$OD_HOME/log")
	refuse() { chown 0:0 "$OD_HOME/log"; }
	allow() { chown "$owner" "$OD_HOME/log"; }
else
	refuse() { chmod 500 "$OD_HOME/log"; }
	allow() { chmod 700 "$OD_HOME/log"; }
fi
mode=$(stat -c %a "$OD_HOME/log")
restore() { allow; chmod "$mode" "$OD_HOME/log"; }
refuse

began=$(date +%s%N)
od start -n app -- "$fixtures/lines" app 100
took=$((($(date +%s%N) - began) / 1000000))
[ "$took" -lt 2500 ] || fail "od start took $took ms"
said() {
	od events --json log:blocked | jq -e '[.[] | select(.subject == "app"
	    and (.reason | test("ermission denied")))] | length > 0' >"$dir/is"
}
eventually said
state_is app online || fail "it is $(field app status)"

restore
log=$OD_HOME/log/app/0-out.log
eventually contains "$log" " 0000000001 "
od stop app
eventually contains "$log" " ended "
awk '$3 == "ended" { n++; next }
    $3 != ++n { print "line", NR, "is", $0; exit 1 }' "$log" ||
    fail "the log has a hole"
