#!/bin/sh
# Every shell script of the project passes shellcheck.
set -eu

source=${OD_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
if ! command -v shellcheck >/dev/null 2>&1; then
	echo "SKIP: shellcheck is not installed" >&2
	exit 77
fi
cd "$source"
scripts=$(grep -rlIE -m1 '^#!/(usr/)?bin/(env )?(ba)?sh' scripts tests docs .ci)
[ "$(echo "$scripts" | wc -l)" -gt 5 ] || {
	echo "FAIL: the scripts were not found" >&2
	exit 1
}
# shellcheck disable=SC2086
exec shellcheck -x -P "$source" $scripts
