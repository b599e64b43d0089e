#!/bin/sh
# Names, arguments and environment: what would harm is refused, what is only
# odd reaches the app as it is and is shown so that no terminal obeys it.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

start_daemon
escape=$(printf '\033')
newline='
'

# refused SENTENCE WORDS...
refused() {
	sentence=$1
	shift
	if od start "$@" >"$dir/out" 2>"$dir/said"; then
		fail "it was started: $*"
	fi
	contains "$dir/said" "$sentence" ||
	    fail "no '$sentence' in: $(cat "$dir/said")"
	grep -q "$escape" "$dir/said" && fail "an escape was shown"
	[ "$(wc -l <"$dir/said")" = 1 ] || fail "it said: $(cat "$dir/said")"
}

long=$(printf '%065d' 0)x
for name in "a${newline}b" "a${escape}[31mb" "a b" ../up .hidden -x all 17 \
    "a/b" "$long"; do
	refused "cannot be the name of an app" -n "$name" -- sleep 1000
done
refused "is not UTF-8" -n app -- sleep "$(printf '\377')"
refused "set by the daemon" -n app --env OD_HOME=/elsewhere -- sleep 1000
refused "set by the daemon" -n app --env OD_=1 -- sleep 1000
refused "" -n app --env "=x" -- sleep 1000
[ "$(od list --json | jq length)" = 0 ] || fail "one of them was defined"

# 10,000 arguments, and one of 120 KiB.
# shellcheck disable=SC2046,SC2016
od start -n many -- sh -c 'echo "$#"; exec sleep 1000' sh \
    $(seq 10000) >"$dir/out"
eventually contains "$OD_HOME/log/many/0-out.log" 10000
# shellcheck disable=SC2016
od start -n large -- sh -c 'echo "${#1}"; exec sleep 1000' sh \
    "$(head -c 122880 /dev/zero | tr '\0' x)" >"$dir/out"
eventually contains "$OD_HOME/log/large/0-out.log" 122880
od info many large >"$dir/out" || fail "od info cannot show them"

# An odd one arrives whole, and is shown harmless.
odd="red${escape}[31m${newline}line"
# shellcheck disable=SC2016
od start -n odd -- sh -c 'printf "%s" "$1"; exec sleep 1000' sh "$odd"
printf '%s' "$odd" >"$dir/odd"
arrived() { cmp -s "$OD_HOME/log/odd/0-out.log" "$dir/odd"; }
eventually arrived
for command in "info odd" "list" "info many"; do
	# shellcheck disable=SC2086
	od $command >"$dir/out"
	grep -q "$escape" "$dir/out" && fail "od $command shows an escape"
done
od info odd >"$dir/out"
contains "$dir/out" 'red\x1b[31m\nline' || fail "it shows $(cat "$dir/out")"
[ "$(od info odd --json | jq -r '.[0].argv[4]')" = "$odd" ] ||
    fail "od info --json does not tell it as it is"
