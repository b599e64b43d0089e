#!/bin/sh
# Rows are a table, JSON or names, and JSON has the members that scripts use.

# shellcheck source=tests/unit/cli.sh
. "$(dirname "$0")/cli.sh"

with app=web app=job -- list
is 0
[ "$(wc -l <"$dir/out")" = 3 ] || fail "not a head and two lines"
prints 'stopped'
if grep -q "$(printf '\033')" "$dir/out"; then fail "colours in a file"; fi

for command in 'list --json' '--json list' 'ls --json' 'ps --json' \
    'status --json'; do
	# shellcheck disable=SC2086
	with app=web -- $command
	is 0
	jq -e 'length == 1 and (.[0] | has("id") and .name == "web" and
	    .instance == 0 and .namespace == "default" and .mode == "fork" and
	    has("pid") and .status == "stopped" and .restarts == 2 and
	    has("uptime_ms") and .cpu_percent == null and
	    .memory_bytes == null and has("health"))' "$dir/out" >/dev/null ||
	    fail "$command"
done

with app=web -- start web --json
is 0
jq -e '.[0].memory_bytes > 4096 and .[0].cpu_percent >= 0' "$dir/out" \
    >/dev/null || fail "what a process takes is not known"

with -- list --json
[ "$(cat "$dir/out")" = '[]' ] || fail "no apps are an empty array"

with app=web app=job -- list -q
[ "$(cat "$dir/out")" = "web
job" ] || fail "names only"

with app=web -- info web --json
jq -e '.[0].last_exit == {code: null, signal: "SIGSEGV",
    time: "1970-01-01T00:00:01.000Z", reason: "segmentation fault",
    source: "wait"}' "$dir/out" >/dev/null || fail "last_exit"
with app=web -- show web
prints 'by signal 11 (SIGSEGV)'

with -- daemon status --json
jq -e '.recording == true and .keeper_pid > 0' "$dir/out" >/dev/null ||
    fail "the status is no object"
with -- plugin list --json
jq -e '.[0].name == "logs"' "$dir/out" >/dev/null || fail "plugins"
with -- version --json
jq -e '.version and .protocol == 1' "$dir/out" >/dev/null || fail "version"

# A narrow terminal cuts, and does not wrap. script(1) has 80 columns.
long=$(printf '%064d' 0 | tr 0 a)
COLUMNS=60 with app="$long" -- list
is 0
[ "$(wc -l <"$dir/out")" = 2 ] || fail "a long name is wrapped"
