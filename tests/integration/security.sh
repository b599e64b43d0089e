#!/bin/sh
# Each process runs as docs/SECURITY.md says: user, privileges, filters.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

mode=user
[ "$(id -u)" != 0 ] || mode=root

start_daemon
for plugin in capture journal logs; do
	eventually plugin_is_online "$plugin"
done

# An od-capture for another file system, if there is one to be had.
other=
if [ -w /dev/shm ] &&
    [ "$(stat -c %d /dev/shm)" != "$(stat -c %d "$dir")" ]; then
	other=$(mktemp -d /dev/shm/od-test.XXXXXX)
	trap 'code=$?; rm -rf "$other"; (exit "$code"); clean_up' EXIT
	od start --no-wait -n other --log-out "$other/log" -- sleep 1000
	eventually plugin_is_online capture-2
fi

pid_of() {
	case $1 in
	od-keeper) about keeper_pid ;;
	opendaemon-supervisor) about supervisor_pid ;;
	*) plugin "${1#od-}" pid ;;
	esac
}

# of PID KEY: one line of its /proc/PID/status; the second of four ids, which
# is the effective one.
of() {
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" |
	    awk '{ print (NF > 1 ? $2 : $1) }'
}

seen=" "
checked=0

# The words of the table, as numbers of PID.
check() {
	pid=$1 name=$2 key=$3 word=$4
	is=$(of "$pid" "$key")
	case $word in
	"as started") expected=$(of self "$key") ;;
	root) expected=0 ;;
	its\ own)
		case $seen in
		*" $key$is "*) fail "$name shares $key $is" ;;
		esac
		[ "$is" != 0 ] || fail "$name is root"
		seen="$seen$key$is "
		expected=$is
		;;
	daemon) expected=$(of self "$key") ;;
	none) expected=0000000000000000 ;;
	yes) expected=1 ;;
	filter) expected=2 ;;
	*) fail "SECURITY.md says '$word' of $name" ;;
	esac
	[ "$is" = "$expected" ] ||
	    fail "$name: $key is $is, SECURITY.md says '$word' ($expected)"
}

# | process | mode | uid | gid | caps | nnp | seccomp | reach | why |
while IFS='|' read -r _ name in uid gid caps nnp seccomp _; do
	name=$(echo "$name" | tr -d ' `')
	[ "$(echo "$in" | tr -d ' ')" = "$mode" ] || continue
	[ "$name" != app ] || continue
	[ "$name" != od-capture-2 ] || [ -n "$other" ] || continue
	pid=$(pid_of "$name")
	[ "${pid:-0}" -gt 0 ] || fail "there is no $name"
	set -- Uid "$uid" Gid "$gid" CapEff "$caps" NoNewPrivs "$nnp" \
	    Seccomp "$seccomp"
	while [ $# -gt 0 ]; do
		check "$pid" "$name" "$1" "$(echo "$2" | sed 's/^ *//; s/ *$//')"
		shift 2
	done
	checked=$((checked + 1))
done <<TABLE
$(grep '^| `\?o' "$source/docs/SECURITY.md")
TABLE
[ "$checked" -ge 5 ] || fail "only $checked rows were found"

# And nothing of ours runs that the table does not know.
known=$(grep -c "^| \`od-.*| $mode |" "$source/docs/SECURITY.md")
running=$(od plugin list --json | jq '[.[] | select(.pid > 0)] | length')
[ "$running" -le "$((known - 1))" ] ||
    fail "$running plugins run, the table has $((known - 1))"
