#!/bin/sh
# Of 20 that start a daemon of one home at once, one wins; the others exit 3
# and name the one that has it. So does every later one.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

i=0
while [ "$i" -lt 20 ]; do
	{
		code=0
		od daemon start >"$dir/out.$i" 2>"$dir/said.$i" || code=$?
		echo "$code" >"$dir/code.$i"
	} &
	i=$((i + 1))
done
wait

keeper=$(about keeper_pid)
winners=0
for file in "$dir"/code.*; do
	i=${file##*.}
	case $(cat "$file") in
	0)
		winners=$((winners + 1))
		[ "$(cat "$dir/out.$i")" = "$keeper" ] ||
		    fail "$i won and says $(cat "$dir/out.$i"), not $keeper"
		;;
	3)
		contains "$dir/said.$i" "pid $keeper " ||
		    fail "$keeper is not in: $(cat "$dir/said.$i")"
		;;
	*) fail "$i exited $(cat "$file"): $(cat "$dir/said.$i")" ;;
	esac
done
[ "$winners" = 1 ] || fail "$winners have won"
