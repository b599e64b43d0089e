#!/bin/sh
# What an app sees of its environment: what it was given, what says who it is,
# and nothing of the daemon's.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

SECRET_OF_THE_STARTER=1
export SECRET_OF_THE_STARTER
start_daemon
od start -n env -i 2 --env GIVEN=yes -- sh -c 'env; echo end; exec sleep 1000'

log=$OD_HOME/log/env/1-out.log
eventually contains "$log" end
run=$(od events --json process:starting | jq -r \
    '[.[] | select(.subject == "env" and .instance == 1)] | last | .run')
for line in OD_APP=env OD_NAMESPACE=default OD_INSTANCE=1 OD_WORKER_ID=1 \
    OD_INSTANCES=2 "OD_HOME=$OD_HOME" GIVEN=yes "PATH=$PATH" "OD_RUN=$run"; do
	grep -qxF "$line" "$log" || fail "no $line in: $(cat "$log")"
done
grep -q '^OD_ID=[0-9][0-9]*$' "$log" || fail "no OD_ID in: $(cat "$log")"
grep -q SECRET "$log" && fail "it got what nobody gave it: $(cat "$log")"
exit 0
