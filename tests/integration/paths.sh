#!/bin/sh
# Logs under paths that users give are the app's own files: made, renamed and
# opened as its user, and by no trick anywhere else.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

uid=$(id -u) user=
if [ "$uid" = 0 ]; then
	uid=$(id -u nobody) user="--user nobody"
fi
logs=$dir/logs
mkdir "$logs"
chmod 711 "$dir"
[ "$(id -u)" != 0 ] || chown "$uid" "$logs"

# start NAME PATH: an app that prints, without an end.
start() {
	# shellcheck disable=SC2086
	od start --no-wait -n "$1" $user --log-out "$2" \
	    --log-err "$logs/$1-err.log" -- "$fixtures/lines" "$1" 100
}

# problem NAME: what od list says about it.
problem() { field "$1" problem; }
# says NAME TEXT: the app runs, and this is the matter with its log.
says() {
	state_is "$1" online || return 1
	case $(problem "$1") in
	*"$2"*) return 0 ;;
	esac
	return 1
}
# refused NAME PATH TEXT
refused() {
	start "$1" "$2"
	eventually says "$1" "$3"
}

start_daemon

start web "$logs/{name}-{instance}.log"
eventually contains "$logs/web-0.log" "web "
[ "$(stat -c '%u %a %h' "$logs/web-0.log")" = "$uid 640 1" ] ||
    fail "the log is $(stat -c '%u %a %h' "$logs/web-0.log")"
[ -z "$(problem web)" ] || fail "it has a problem: $(problem web)"
[ "$(od info web --json | jq -r '.[0].log_out')" = "$logs/web-0.log" ] ||
    fail "od info shows another file"

# od logs shows it, and follows it.
od logs web -n 3 --no-follow >"$dir/shown"
[ "$(grep -c ' [0-9]\{10\} ' "$dir/shown")" = 3 ] ||
    fail "od logs shows $(cat "$dir/shown")"
od logs web -n 1 -f >"$dir/followed" 2>&1 &
follower=$!
several() { [ "$(grep -c ' [0-9]\{10\} ' "$dir/followed")" -gt 50 ]; }
eventually several
# Through the death of whoever reads it.
reader=$(plugin logs pid)
kill -KILL "$reader"
shown() { grep -c ' [0-9]\{10\} ' "$dir/followed"; }
many() { [ "$(shown)" -gt "$((before + 100))" ]; }
before=$(shown)
eventually many
grep -o ' [0-9]\{10\} ' "$dir/followed" | awk '
    NR > 1 && $1 + 0 != last + 1 { exit 1 } { last = $1 + 0 }' ||
    fail "a follower lost or doubled lines"
kill "$follower"
wait "$follower" || :

# What is there goes on at its end.
od stop web
before=$(wc -c <"$logs/web-0.log")
od start web
grown() { [ "$(wc -c <"$logs/web-0.log")" -gt "$before" ]; }
eventually grown
[ "$(head -c 4 "$logs/web-0.log")" = "web " ] || fail "it began anew"

# Places that are not its own.
printf 'mine\n' >"$dir/secret"
chmod 600 "$dir/secret"
if [ "$(id -u)" = 0 ]; then
	passwd=$(cksum </etc/passwd)
	refused passwd /etc/passwd "Permission denied"
	refused fresh "$dir/fresh.log" "Permission denied"
	[ ! -e "$dir/fresh.log" ] || fail "root's directory has a file of its"
	refused linked "$logs/../secret" "Permission denied"
	[ "$(cksum </etc/passwd)" = "$passwd" ] || fail "passwd has changed"
fi
ln -s "$dir/secret" "$logs/symlink"
refused symlink "$logs/symlink" "symbolic link"
ln "$dir/secret" "$logs/hardlink"
[ "$(id -u)" = 0 ] || chmod 600 "$logs/hardlink"
case $(id -u) in
0) refused hardlink "$logs/hardlink" "Permission denied" ;;
*) refused hardlink "$logs/hardlink" "more than one name" ;;
esac
mkfifo "$logs/fifo"
[ "$(id -u)" != 0 ] || chown "$uid" "$logs/fifo"
refused fifo "$logs/fifo" "no regular file"
mkdir "$logs/directory"
refused directory "$logs/directory" "no regular file"
refused device /dev/null "no regular file"
# Of root's helper nobody else may; else: not for somebody else's bytes.
case $(id -u) in
0) refused proc /proc/self/comm "Permission denied" ;;
*) refused proc /proc/self/comm "the kernel's own" ;;
esac
refused nowhere "$logs/none/x.log" "No such file or directory"
[ "$(cat "$dir/secret")" = mine ] || fail "the secret was written to"

# Two who write one file are told, and the first goes on.
refused second "$logs/./web-0.log" "is the file of"
! grep -q '^second' "$logs/web-0.log" || fail "two write to one file"

# It is tried again, and at the next start at once.
mkdir "$logs/none"
[ "$(id -u)" != 0 ] || chown "$uid" "$logs/none"
od restart nowhere
OD_PATIENCE=2 eventually contains "$logs/none/x.log" "nowhere "
healthy() { [ -z "$(problem nowhere)" ]; }
eventually healthy
# Nothing was lost while there was no file.
first() { grep -m 1 -o ' [0-9]\{10\} ' "$logs/none/x.log"; }
[ "$(first)" = " 0000000001 " ] || fail "the first line is $(first)"

od events --json >"$dir/events"
grep -q 'log:blocked' "$dir/events" || fail "no event tells of it"

# Another path is another file, from the restart on.
od delete second
start web "$logs/moved.log"
eventually contains "$logs/moved.log" "web "

# The daemon stops, whatever has no log.
od stop all
stop_daemon
