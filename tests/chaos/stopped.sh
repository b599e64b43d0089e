#!/bin/sh
# A keeper or a supervisor that hangs (SIGSTOP) is replaced within 20 seconds,
# and no app runs twice.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"
need python3

start_daemon
export OD_BUILD="$build"
python3 "$here/chaos.py" --mode stopped
