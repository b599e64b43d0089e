#!/bin/sh
# What cannot be executed fails "od start" at once, with what is wrong and what
# to do; it is tried again with pauses that grow, and disturbs nothing else.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

place=$dir/place
mkdir "$place" "$place/directory" "$place/vanished" "$place/closed"
chmod 711 "$dir"
script() {
	printf '%s' "$2" >"$place/$1"
	chmod +x "$place/$1"
}
script interpreter '#!/no/such
'
script empty ''
script rubbish 'neither a program nor a script'
# An ELF header of another architecture: of none there is, 0xfefe.
printf '\177ELF\002\001\001\000\000\000\000\000\000\000\000\000\002\000\376\376' \
    >"$place/foreign"
head -c 200 /dev/zero >>"$place/foreign"
chmod +x "$place/foreign"
echo 'exec sleep 1000' >"$place/plain"

start_daemon
supervisor=$(about supervisor_pid)
od start -n other -- "$fixtures/lines" other 50
other=$(field other pid)

# refused SENTENCE WORDS...: "od start WORDS" exits 1 within two seconds and
# says it, and what can be done.
refused() {
	sentence=$1
	shift
	began=$(date +%s%N)
	code=0
	od start "$@" >"$dir/out" 2>"$dir/said" || code=$?
	took=$((($(date +%s%N) - began) / 1000000))
	[ "$code" = 1 ] || fail "exit $code: od start $*"
	[ "$took" -lt 2000 ] || fail "it took $took ms: od start $*"
	contains "$dir/said" "$sentence" ||
	    fail "no '$sentence' in: $(cat "$dir/said")"
}

refused "cannot start '$place/nothing': No such file" "$place/nothing"
refused "cannot find the program '$place/nothing'" -n p -- "$place/nothing"
refused "cannot find the program 'no-such-word' in PATH" -n p -- no-such-word
refused "chmod +x it" "$place/plain"
refused "chmod +x it" -n p -- "$place/plain"
refused "is a directory: name the file in it" "$place/directory"
[ "$(od list --json | jq length)" = 1 ] || fail "one of them was defined"

refused "first line names a program that is not installed" \
    -n interpreter -- "$place/interpreter"
refused "chmod +x it" -n directory -- "$place/directory"
refused "say what runs it with --interpreter" -n foreign -- "$place/foreign"
refused "say what runs it with --interpreter" -n empty -- "$place/empty"
refused "say what runs it with --interpreter" -n rubbish -- "$place/rubbish"

# What was there when it was defined, and is not when it is started again.
od start -n vanished --cwd "$place/vanished" -- sleep 1000
rmdir "$place/vanished"
code=0
od restart vanished 2>"$dir/said" || code=$?
[ "$code" = 1 ] || fail "od restart exited $code"
contains "$dir/said" "directory '$place/vanished': No such file" ||
    fail "it said: $(cat "$dir/said")"
contains "$dir/said" "another --cwd" || fail "it said: $(cat "$dir/said")"

apps="interpreter directory foreign empty rubbish vanished"
if [ "$(id -u)" = 0 ]; then
	chmod 700 "$place/closed"
	refused "let the app's user enter it" \
	    -n closed --user nobody --cwd "$place/closed" -- sleep 1000
	apps="$apps closed"
fi

# Each is tried again, later and later.
pauses() {
	od events --json process:crashed | jq -c --arg name "$1" \
	    '[.[] | select(.subject == $name) | .retry_ms]'
}
waits() { [ "$(pauses "$1" | jq length)" -ge 4 ]; }
for app in $apps; do
	eventually waits "$app"
	# 20 % to and fro, so that only every other one is sure to be longer.
	pauses "$app" | jq -e '.[2] > .[0] and .[3] > .[1] and .[0] >= 80' \
	    >"$dir/is" || fail "the pauses of $app are $(pauses "$app")"
done
[ "$(about supervisor_pid)" = "$supervisor" ] || fail "another supervisor"
[ "$(field other pid)" = "$other" ] || fail "another app was disturbed"
log=$OD_HOME/log/other/0-out.log
lines=$(wc -l <"$log")
flows() { [ "$(wc -l <"$log")" -gt "$lines" ]; }
eventually flows
