#!/bin/sh
# SIGKILL of any of our processes, 200 times: no app stops or runs twice, no
# line, no exit status and no acknowledged change is lost.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"
need python3

start_daemon
export OD_BUILD="$build"
python3 "$here/chaos.py" --kills "${OD_CHAOS_KILLS:-200}"
