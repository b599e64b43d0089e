#!/bin/sh
# State files that are cut off, overwritten, empty or of the future: the damage
# is said, the files are kept aside, and the apps of before come back.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

state=$OD_HOME/state
names() { od list --json | jq -r '[.[].name] | sort | join(" ")'; }
newest() { find "$state" -name "$1.*" | sort | tail -n 1; }

# damage WHAT FILE: the file, changed in that way.
damage() {
	case $1 in
	tail) truncate -s -3 "$2" ;;
	middle)
		printf '\377\377\377\377' | dd of="$2" bs=1 conv=notrunc \
		    seek=$(($(stat -c %s "$2") / 2)) 2>/dev/null
		;;
	empty) : >"$2" ;;
	future)
		printf '\377\377\377\377\377\377\377\377' |
		    dd of="$2" bs=1 conv=notrunc 2>/dev/null
		;;
	rubbish) head -c 5000 /dev/urandom >"$2" ;;
	esac
}

# check SAID WORDS: of the damage at hand; in the events, too.
check() {
	case $1 in
	*"$2"*) ;;
	*) fail "$what of the $kind: no '$2' in the status: $1" ;;
	esac
	od events --json daemon:recovered | jq -e --arg words "$2" \
	    '[.[] | select(.what == "state" and
	    (.detail | contains($words)))] | length > 0' >"$dir/is" ||
	    fail "$what of the $kind: no event says '$2'"
}

start_daemon
od start -n one -- sleep 1000
od start -n two -- sleep 1000
od stop two
od daemon stop
# A second start leaves a snapshot of the first one's.
start_daemon
[ "$(names)" = "one two" ] || fail "before any damage: $(names)"
od daemon stop
cp -a "$state" "$dir/good"

for what in tail middle empty future rubbish; do
	for kind in journal snapshot; do
		rm -rf "$state"
		cp -a "$dir/good" "$state"
		file=$(newest "$kind")
		[ -n "$file" ] || continue
		size=$(stat -c %s "$file")
		[ "$size" -gt 0 ] || continue
		damage "$what" "$file"
		start_daemon >"$dir/out" 2>&1 ||
		    fail "$what of the $kind: $(cat "$dir/out")"
		[ "$(names)" = "one two" ] ||
		    fail "$what of the $kind: the apps are '$(names)'"
		eventually state_is one online
		state_is two stopped || fail "$what of the $kind: two is up"
		# Nothing in a journal is what one is that was just begun.
		said=$(about problems)
		case $what.$kind in
		empty.journal) ;;
		tail.journal) check "$said" "were cut off" ;;
		*)
			check "$said" "is kept aside"
			find "$state" -name '*.damaged-*' | grep -q . ||
			    fail "$what of the $kind: nothing is kept"
			;;
		esac
		od daemon stop
	done
done
