#!/bin/sh
# A supervisor that is replaced in the middle is asked again, where asking
# twice is asking once; streams go on without a gap or a repetition.

# shellcheck source=tests/unit/cli.sh
. "$(dirname "$0")/cli.sh"

for way in lose half; do
	with $way=process.list app=web -- list -q
	is 0
	asked_times 2 process.list
	[ "$(cat "$dir/out")" = web ] || fail "not one row"

	with $way=process.stop app=web -- stop web -q
	is 0
	asked_times 2 process.stop
	[ "$(cat "$dir/out")" = web ] || fail "not one row"

	with $way=process.start app=web -- start web -q
	is 0
	asked_times 2 process.start
done

# The first one did it already.
with lose=process.delete app=web -- delete web
is 0
asked_times 2 process.delete

# Twice would be two restarts.
with lose=process.restart app=web -- restart web
is 1
says 'look whether it was done'
asked_times 1 process.restart

# One that kills supervisors is not repeated for ever.
with kill=process.list app=web -- list
is 1
asked_times 5 process.list

with half=logs.tail app=web -- logs -n 6
is 0
asked_times 2 logs.tail
[ "$(sed 's/.*line //' "$dir/out" | tr '\n' ' ')" = '3 4 5 6 7 8 ' ] ||
    fail "a gap or a repetition"
with half=logs.tail app=web -- logs -f -n 6
[ "$(sed 's/.*line //' "$dir/out" | tr '\n' ' ')" = '3 4 5 6 7 8 ' ] ||
    fail "a gap or a repetition"
with lose=logs.tail app=web -- logs -n 2
is 0
[ "$(sed 's/.*line //' "$dir/out" | tr '\n' ' ')" = '7 8 ' ] ||
    fail "not the last two"

for way in lose half; do
	with $way=events.subscribe -- events --json
	is 0
	asked_times 2 events.subscribe
	[ "$(jq -c 'map(.seq)' "$dir/out")" = '[1,2,3,4,5,6]' ] ||
	    fail "a gap or a repetition"
done
with half=events.subscribe -- events -f --json --since 2
is 0
[ "$(jq -c .seq "$dir/out" | tr '\n' ' ')" = '3 4 5 6 ' ] ||
    fail "a gap or a repetition"
# From now on is a number, too.
with lose=events.subscribe -- events -f --json
[ "$(jq -c .seq "$dir/out" | tr '\n' ' ')" = '4 5 6 ' ] ||
    fail "from now on"
