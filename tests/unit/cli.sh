# Sourced by the tests of the command line: od against a daemon that is none.
# shellcheck shell=sh disable=SC2034
set -eu

here=$(cd "$(dirname "$0")" && pwd)
source=${OD_SOURCE:-$(cd "$here/../.." && pwd)}
build=${OD_BUILD:-$source/build}
unset OD_HOME
export NO_COLOR=1 LC_ALL=C.UTF-8

dir=$(mktemp -d "${TMPDIR:-/tmp}/od-cli.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

fail() {
	echo "FAIL: $*" >&2
	for file in out err; do
		[ ! -s "$dir/$file" ] || sed "s/^/  $file: /" "$dir/$file" >&2
	done
	exit 1
}

od() { "$build/bin/od" "$@"; }

# with [fake option ...] -- od's arguments: run od while such a daemon serves.
# What it prints is in $dir/out and $dir/err, its status in $status.
with() {
	n=$# program=$build/bin/od
	while [ "$n" -gt 0 ]; do
		word=$1
		shift
		n=$((n - 1))
		if [ "$word" = -- ] && [ -n "$program" ]; then
			set -- "$@" -- "$program"
			program=
		else
			set -- "$@" "$word"
		fi
	done
	rm -rf "${dir:?}/home"
	status=0
	"$build/tests/fixtures/fake_daemon" "$dir/home" "$@" \
	    >"$dir/out" 2>"$dir/err" </dev/null || status=$?
}

# alone od's arguments: the same where no daemon is.
alone() {
	status=0
	"$build/bin/od" --home "$dir/nobody" "$@" \
	    >"$dir/out" 2>"$dir/err" </dev/null || status=$?
}

is() { [ "$status" = "$1" ] || fail "status $status and not $1"; }

says() {
	grep -qF -- "$1" "$dir/err" || fail "it does not say '$1'"
}

prints() {
	grep -qF -- "$1" "$dir/out" || fail "it does not print '$1'"
}

# asked METHOD [FILTER]: it was asked once, with parameters that jq agrees to.
asked() {
	sed -n "s/^$1 //p" "$dir/home/requests" >"$dir/asked"
	[ "$(wc -l <"$dir/asked")" = 1 ] || fail "$1 was not asked once"
	jq -e "${2:-.}" "$dir/asked" >/dev/null ||
	    fail "$1 was asked as: $(cat "$dir/asked")"
}

# asked_times N METHOD
asked_times() {
	[ "$(grep -c "^$2 " "$dir/home/requests")" = "$1" ] ||
	    fail "$2 was not asked $1 times"
}

if ! command -v jq >/dev/null 2>&1; then
	echo "SKIP: jq is not installed" >&2
	exit 77
fi
