#!/bin/sh
# A full disk under state and logs: apps go on, commands are answered and say
# that nothing is recorded; with room again all is recorded, and each line of
# the apps is in the logs once.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
need mount

mkdir -m 700 "$OD_HOME"
if ! mount -t tmpfs -o size=3m,mode=700 none "$OD_HOME"; then
	skip "no file system can be mounted here"
fi
unmount() {
	stop_daemon || :
	umount -l "$OD_HOME"
}
trap 'code=$?; [ $code = 0 ] || show_logs; unmount; (exit $code); clean_up' EXIT

# answered WORDS...: within 2.5 s, with status 0; what it says is in $dir/said.
answered() {
	began=$(date +%s%N)
	od "$@" >"$dir/out" 2>"$dir/said" ||
	    fail "od $*: $(cat "$dir/said")"
	took=$((($(date +%s%N) - began) / 1000000))
	[ "$took" -lt 2500 ] || fail "od $* took $took ms"
}

start_daemon
od start -n before -- sleep 1000
od start -n lines -- "$fixtures/lines" lines 300
pid=$(field before pid)
writer=$(field lines pid)
eventually plugin_is_online journal

# The last byte, too: of blocks that files have already.
dd if=/dev/zero of="$OD_HOME/filler" bs=4096 2>/dev/null || :
blocked() { od events --json log:blocked | jq -e 'length > 0' >"$dir/is"; }
eventually blocked

# Too much for what is left in blocks that there are.
answered start -n during --env "LONG=$(head -c 100000 /dev/zero | tr '\0' x)" \
    -- sleep 1000
contains "$dir/said" "not recorded" || fail "no warning: $(cat "$dir/said")"
contains "$dir/said" "No space left" || fail "why? $(cat "$dir/said")"
state_is during online || fail "it is $(field during status)"
answered stop before
contains "$dir/said" "not recorded" || fail "no warning: $(cat "$dir/said")"
gone "$pid" || fail "$pid was stopped and is there"
[ "$(about recording)" = false ] || fail "it says that it records"
[ "$(field lines pid)" = "$writer" ] || fail "the writer is another"
gone "$writer" && fail "the writer is gone"
od daemon status >"$dir/out"
contains "$dir/out" "No space left" || fail "it says $(cat "$dir/out")"

rm "$OD_HOME/filler"
recording() { [ "$(about recording)" = true ]; }
eventually recording
log=$OD_HOME/log/lines/0-out.log
lines=$(wc -l <"$log")
flows() { [ "$(wc -l <"$log")" -gt "$lines" ]; }
eventually flows
unblocked() {
	od events --json log:blocked | jq -e 'last | .reason == ""' >"$dir/is"
}
eventually unblocked
od stop lines
eventually contains "$log" " ended "
awk '$3 == "ended" { n++; next }
    $3 != ++n { print "line", NR, "is", $0; exit 1 }' "$log" ||
    fail "the log has a hole"

# What was done meanwhile is what the next daemon finds.
od daemon stop
start_daemon
eventually state_is during online
state_is before stopped || fail "before is $(field before status)"
