#!/bin/sh
# An actor that is broken costs nothing but itself: after five failures it is
# in quarantine, which is listed and told; the rest goes on, and od plugin
# start tries at once. Being killed is no failure, however often.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

# Programs of a build, with another od-logs among them.
mkdir -p "$dir/bin" "$dir/libexec"
chmod 755 "$dir" "$dir/bin" "$dir/libexec"
cp "$build/bin/od" "$dir/bin/"
for program in "$build"/libexec/*; do
	cp "$program" "$dir/libexec/"
done
od() { "$dir/bin/od" "$@"; }

# logs_are COMMANDS: from now on, od-logs is this.
logs_are() {
	printf '#!/bin/sh\n%s\n' "$1" >"$dir/od-logs"
	chmod 755 "$dir/od-logs"
	mv "$dir/od-logs" "$dir/libexec/od-logs"
}

told() {
	[ "$(od events --json "plugin:$1" |
	    jq '[.[] | select(.subject == "logs")] | length')" -ge "$2" ]
}

is_quarantined() { [ "$(plugin logs status)" = quarantined ]; }

# another PID: one that is online and is not PID, which is $new then.
another() {
	new=$(od plugin list --json | jq -r '.[] |
	    select(.name == "logs" and .status == "online") | .pid')
	[ -n "$new" ] && [ "$new" -gt 0 ] && [ "$new" != "$1" ]
}

start_daemon
od start -n web -- sleep 1000000
web=$(field web pid)
supervisor=$(about supervisor_pid)
eventually plugin_is_online logs

# Killed, and killed again.
n=0
while [ "$n" -lt 50 ]; do
	eventually another 0
	pid=$new
	kill -KILL "$pid"
	eventually another "$pid"
	n=$((n + 1))
done
! told quarantined 1 || fail "to be killed was held against it"

quarantines=0
for broken in \
    'exit 1' \
    'exec head -c 200 /dev/zero >&3' \
    'printf "\\001\\377\\377\\377\\377" >&3; exec cat <&3' \
    'kill -SEGV $$'; do
	logs_are "$broken"
	od plugin stop logs
	od plugin start logs >/dev/null 2>&1 || :
	eventually is_quarantined
	quarantines=$((quarantines + 1))
	eventually told quarantined "$quarantines"
	[ -n "$(plugin logs problem)" ] || fail "nothing says why"

	# The rest goes on.
	[ "$(field web pid)" = "$web" ] || fail "the app was not left alone"
	[ "$(about supervisor_pid)" = "$supervisor" ] ||
	    fail "the supervisor did not live through '$broken'"
	od restart web >/dev/null
	eventually state_is web online
	web=$(field web pid)

	# It can be tried at once, and when it is whole, it is there.
	cp "$build/libexec/od-logs" "$dir/od-logs"
	mv "$dir/od-logs" "$dir/libexec/od-logs"
	od plugin start logs
	plugin_is_online logs || fail "it was not tried at once"
done

# One that never greets is killed after five seconds, and said to be late.
logs_are 'exec sleep 1000000'
od plugin stop logs
od plugin start logs >/dev/null 2>&1 && fail "it was started well"
case $(plugin logs problem) in
*"not ready in time"*) ;;
*) fail "nothing says that it did not greet: $(plugin logs problem)" ;;
esac
