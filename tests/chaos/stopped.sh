#!/bin/sh
# Whichever of our processes hangs (SIGSTOP) is replaced within 20 seconds, and
# no app runs twice or loses a line.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/../integration/lib.sh"
need python3

start_daemon
export OD_BUILD="$build"
python3 "$here/chaos.py" --mode stopped
