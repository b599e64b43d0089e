#!/bin/sh
# A log on a file system that hangs stops no other log and no app; when it is
# back, each line is there once.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
[ -c /dev/fuse ] || skip "there is no /dev/fuse"

hung=$dir/hung
mkdir "$hung" "$dir/here"
chmod 711 "$dir"
chown nobody "$dir/here"
"$fixtures/onefile" "$hung" >"$dir/said" 2>"$dir/refused" &
server=$!
mounted() { contains "$dir/said" mounted || ! kill -0 "$server" 2>/dev/null; }
eventually mounted
contains "$dir/said" mounted || skip "cannot mount: $(cat "$dir/refused")"
end_server() {
	code=$?
	kill -CONT "$server" 2>/dev/null || :
	stop_daemon || :
	umount -l "$hung" 2>/dev/null || :
	kill -KILL "$server" 2>/dev/null || :
	wait "$server" 2>/dev/null || :
	(exit "$code")
	clean_up
}
trap end_server EXIT

start() {
	od start --no-wait -n "$1" --user nobody --log-out "$2" -- \
	    "$fixtures/lines" "$1" 50
}
size() { wc -c <"$1"; }
grown() { [ "$(size "$1")" -gt "$2" ]; }

start_daemon
start stuck "$hung/x.log"
start fine "$dir/here/fine.log"
od start --no-wait -n own -- "$fixtures/lines" own 50
eventually grown "$hung/x.log" 1000
eventually grown "$dir/here/fine.log" 1000
plugin_is_online capture-2 || fail "there is no capture-2"
capture=$(plugin capture pid)

kill -STOP "$server"

# Others are opened, written, rotated as ever.
start late "$dir/here/late.log"
eventually grown "$dir/here/late.log" 100
# A file there: od-open hangs, the app runs.
start second "$hung/x.log.2"
blamed() {
	case $(field "$1" problem) in
	*"$2"*) ;;
	*) return 1 ;;
	esac
}
OD_PATIENCE=40 eventually blamed second "timed out"
state_is second online || fail "an app waits for its log"
OD_PATIENCE=40 eventually blamed stuck "does not answer"
for file in "$dir/here/fine.log" "$dir/here/late.log" \
    "$OD_HOME/log/own/0-out.log"; do
	was=$(size "$file")
	eventually grown "$file" "$was"
done
[ "$(plugin capture pid)" = "$capture" ] || fail "od-capture was replaced"
state_is stuck online || fail "the app does not run"

kill -CONT "$server"

was=$(size "$hung/x.log")
OD_PATIENCE=40 eventually grown "$hung/x.log" "$((was + 1000))"
healthy() { [ -z "$(field stuck problem)" ]; }
eventually healthy
od stop stuck
ended() { tail -n 1 "$hung/x.log" | grep -q 'ended 0$'; }
eventually ended
awk '$NF != "0" && $3 + 0 != NR { print "line " NR ": " $0; exit 1 }' \
    "$hung/x.log" >&2 || fail "lines are missing or doubled"
[ "$(grep -c ended "$hung/x.log")" = 1 ] || fail "it ended twice"
od stop all
