#!/bin/sh
# What went wrong is a sentence that says what to do, and an exit status.

# shellcheck source=tests/unit/cli.sh
. "$(dirname "$0")/cli.sh"

# No daemon: who only looks starts none.
for command in list 'stop x' 'restart x' 'delete x' 'info x' logs events \
    'signal HUP x' 'reset x' 'plugin list' 'daemon status' 'daemon stop'; do
	# shellcheck disable=SC2086
	alone $command
	is 3
	says "no daemon is running for home '"
	says 'start one with: od daemon start'
	[ ! -e "$dir/nobody" ] || fail "$command made a home"
done

wrong() {
	words=$1
	shift
	alone "$@"
	is 2
	says "$words"
	[ ! -s "$dir/out" ] || fail "words on standard output"
}
wrong "unknown command 'lits'; did you mean 'list'?" lits
wrong "unknown command 'xyzzy'; see: od help" xyzzy
wrong "'daemon' knows no 'strat'" daemon strat
wrong "'daemon' needs one of these words" daemon
wrong "unknown option '--jsn'; did you mean '--json'?" list --jsn
wrong "unknown option '-z'" list -z
wrong '--timeout needs DUR' list --timeout
wrong "needs a duration" list --timeout soon
wrong "--json takes no value" list --json=yes
wrong 'usage: od stop [option ...] app ...' stop
wrong 'usage: od signal signal app ...' signal HUP
wrong "'NOPE' is no signal" signal NOPE web
wrong "needs a number, '-3' is none" logs -n -3
wrong '--format is one of' logs --format xml
wrong 'argument 1 is empty' stop ''
wrong 'usage: od list' list -- x
wrong 'exclude each other' --system list
wrong 'usage: od daemon stop' daemon stop now

daemon_said() {
	wanted=$1 code=$2 words=$3
	with refuse="process.stop:$code:told so" app=web -- stop web
	is "$wanted"
	says "od stop: told so$words"
}
daemon_said 4 -2 '; see: od list'
daemon_said 5 -1 '; root and the daemon'
daemon_said 6 -110 ''
daemon_said 1 -22 ''

with app=web -- stop web nothing
is 0
with app=web -- stop nothing
is 4
says 'od stop: no such app; see: od list'

with mute=process.stop app=web -- stop web --timeout 100ms
is 6
says 'what was asked goes on'
with rubbish=process.list -- list
is 1
says 'no message of ours'
with version=0 -- list
[ "$status" != 0 ] || fail "a daemon of another version"
with warn=process.stop:'the disk is full' app=web -- stop web
is 0
says 'od: the disk is full'

# It is there, but not for us.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	mkdir -p "$dir/theirs/run"
	chmod 711 "$dir"
	chmod 700 "$dir/theirs"
	status=0
	setpriv --reuid 65534 --regid 65534 --clear-groups \
	    "$build/bin/od" --home "$dir/theirs" list \
	    >"$dir/out" 2>"$dir/err" || status=$?
	is 5
	says 'its owner and root may'
fi

# Standard output that takes nothing.
status=0
"$build/bin/od" help >/dev/full 2>"$dir/err" || status=$?
is 1
says 'cannot write the output'
