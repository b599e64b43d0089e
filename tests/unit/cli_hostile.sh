#!/bin/sh
# Nothing that a daemon or a command line says steers the terminal, and no
# command line is too strange.

# shellcheck source=tests/unit/cli.sh
. "$(dirname "$0")/cli.sh"

escape=$(printf '\033')
for command in list 'info web' 'events'; do
	# shellcheck disable=SC2086
	with hostile app=web -- $command
	is 0
	if grep -q "$escape" "$dir/out"; then fail "$command: raw escapes"; fi
	if LC_ALL=C grep -q "$(printf '\302\233')" "$dir/out"; then
		fail "$command: a raw C1 control"
	fi
	prints 'x1b[31mred'
	# shellcheck disable=SC2086
	with hostile app=web -- $command --json
	is 0
	jq -e . "$dir/out" >/dev/null || fail "$command: no JSON"
done
with refuse="process.stop:-5:${escape}[2Jgone" app=web -- stop web
says '[2Jgone'
if grep -q "$escape" "$dir/err"; then fail "raw escapes in an error"; fi

# What an app wrote is its own affair.
with hostile app=web -- logs -n 1
grep -q "$escape" "$dir/out" || fail "log lines are changed"
with hostile app=web -- logs -n 1 --format json
if grep -q "$escape" "$dir/out"; then fail "raw escapes in JSON"; fi

alone stop "$(printf 'a\377b')"
is 2
says "argument 4 is not UTF-8: 'a"
alone "$(printf '\033[2J')"
is 2
if grep -q "$escape" "$dir/err"; then fail "raw escapes in an error"; fi

long=$(printf '%0100000d' 0)
with app=web -- stop "$long"
[ "$status" != 0 ] || fail "a name of 100000 bytes is no app"
alone --home "/$long" list
is 2
says 'too long'
alone "$long"
is 2
alone "--$long" list
is 2

# shellcheck disable=SC2046
set -- $(seq 20000)
with app=web -- stop "$@"
is 1
says "'process.stop': more than 16384 items"
with app=web -- stop $(seq 5000)
is 4
alone list "-$(printf '%010000d' 0 | tr 0 q)"
is 3
