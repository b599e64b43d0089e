#!/bin/sh
# Whatever od-capture claims costs no line of any app: a successor has all.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/integration/hostile.sh
. "$here/hostile.sh"

go_bad capture
start_witnesses
eventually plugin_is_online capture

for mode in dies sends_rubbish sends_anothers_messages opens_a_fifo \
    opens_a_directory opens_for_reading ends_pipes_that_live; do
	behaves "$mode" convicted
done
for mode in says_nothing never_reads opens_nothing \
    opens_of_streams_there_are_not ends_pipes_there_are_not; do
	behaves "$mode" ""
done

log=$OD_HOME/log/steady/0-out.log
lines=$(wc -l <"$log")
flows() { [ "$(wc -l <"$log")" -gt "$lines" ]; }
eventually flows
intact
