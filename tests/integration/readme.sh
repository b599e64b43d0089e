#!/bin/sh
# The examples of the README work as they stand there.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"
need python3

awk '/^```sh test$/ { on = 1; next } /^```$/ { on = 0 } on' \
    "$source/README.md" >"$dir/tour.sh"
[ "$(wc -l <"$dir/tour.sh")" -gt 10 ] || fail "the examples were not found"

mkdir "$dir/home-of-reader"
PATH=$build/bin:$PATH HOME=$dir/home-of-reader \
    sh -eux "$dir/tour.sh" >"$dir/said" 2>&1 || {
	cat "$dir/said" >&2
	OD_HOME=$dir/home-of-reader/tour
	fail "an example failed"
}
contains "$dir/said" online || fail "nothing was ever online"
OD_HOME=$dir/home-of-reader/tour
od daemon stop >/dev/null 2>&1 && fail "the last example left it running"
exit 0
