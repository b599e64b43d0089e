#!/bin/sh
# A FIFO, a directory or a link in the place of a log file is not written to;
# it is said, other logs flow, and what was written waits until there is room.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

start_daemon
od start -n good -- "$fixtures/lines" good 100
echo precious >"$dir/precious"
for name in fifo directory link; do
	mkdir "$OD_HOME/log/$name"
	# As root it belongs to od-capture.
	chown --reference "$OD_HOME/log/good" "$OD_HOME/log/$name"
	chmod --reference "$OD_HOME/log/good" "$OD_HOME/log/$name"
done
mkfifo "$OD_HOME/log/fifo/0-out.log"
mkdir "$OD_HOME/log/directory/0-out.log"
ln -s "$dir/precious" "$OD_HOME/log/link/0-out.log"
chown -h --reference "$OD_HOME/log/good" "$OD_HOME"/log/*/0-out.log
capture=$(plugin capture pid)

said() {
	od events --json log:blocked | jq -e --arg name "$1" \
	    '[.[] | select(.subject == $name and .reason != "")] | length > 0' \
	    >"$dir/is"
}
for name in fifo directory link; do
	od start -n "$name" -- "$fixtures/lines" "$name" 100
	eventually said "$name"
	state_is "$name" online || fail "$name is $(field "$name" status)"
done
log=$OD_HOME/log/good/0-out.log
lines=$(wc -l <"$log")
flows() { [ "$(wc -l <"$log")" -gt "$lines" ]; }
eventually flows
[ "$(cat "$dir/precious")" = precious ] || fail "it wrote through the link"
[ "$(plugin capture pid)" = "$capture" ] || fail "od-capture is another"
od events --json log:blocked | jq -r '.[] | .subject + ": " + .reason' >&2

# Once it is out of the way, all that was written comes.
for name in fifo directory link; do
	rm -rf "$OD_HOME/log/$name/0-out.log"
	log=$OD_HOME/log/$name/0-out.log
	first() { grep -q ' 0000000001 ' "$log" 2>/dev/null; }
	eventually first
	od stop "$name" >"$dir/out"
	eventually contains "$log" " ended "
	awk '$3 == "ended" { n++; next }
	    $3 != ++n { print "line", NR, "is", $0; exit 1 }' "$log" ||
	    fail "the log of $name has a hole"
done
