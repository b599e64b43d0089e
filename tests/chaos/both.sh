#!/bin/sh
# Keeper and supervisor killed together: the next start adopts every app, and
# starts no second copy of any.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"
need python3

start_daemon
export OD_BUILD="$build"
python3 "$here/chaos.py" --mode both --kills "${OD_CHAOS_BOTH:-10}"
