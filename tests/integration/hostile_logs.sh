#!/bin/sh
# Whatever od-logs does on its channel costs nobody anything but od-logs.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/integration/hostile.sh
. "$here/hostile.sh"

go_bad logs
start_witnesses
eventually plugin_is_online logs

for mode in dies speaks_another_version sends_rubbish sends_a_huge_frame \
    promises_gigabytes sends_anothers_messages asks_as_if_it_were_a_client \
    floods_with_failures; do
	behaves "$mode" convicted
done
for mode in says_nothing floods never_reads attaches_descriptors; do
	behaves "$mode" ""
done

# One that never reads does not hold up those who want to see logs.
echo never_reads >"$dir/mode"
kill_it
eventually plugin_is_online logs
python <<'PYTHON'
from raw import *

bearing = Bearing()
crowd = [Raw() for _ in range(200)]
for raw in crowd:
    raw.send(request(number("logs_tail"), 7, [], 10, True, True,
                     True, []))
for raw in crowd:
    raw.close()
    od("list")
PYTHON
unnoticed "nobody reads"
: >"$dir/mode"
kill_it
eventually plugin_is_online logs
intact
od logs steady --lines 1 --no-follow >"$dir/out" 2>&1 ||
    od logs steady >"$dir/out" 2>&1 || fail "od logs: $(cat "$dir/out")"
contains "$dir/out" ended || fail "od logs shows $(cat "$dir/out")"
