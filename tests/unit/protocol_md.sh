#!/bin/sh
# docs/PROTOCOL.md has the messages that the code has.
set -eu

source=${OD_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${OD_BUILD:-$source/build}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

"$build/protocol/describe" >"$dir/printed"
sed '1,/^<!-- generated from here on -->$/d' "$source/docs/PROTOCOL.md" \
    >"$dir/checked-in"
grep -q process.start "$dir/printed"
diff -u "$dir/checked-in" "$dir/printed" || {
	echo "FAIL: docs/PROTOCOL.md is stale: make update-protocol-md" >&2
	exit 1
}
