#!/bin/sh
# What the privileged programs link, and how: no library but these, no
# unprotected program.
set -eu

source=${OD_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
build=${OD_BUILD:-$source/build}
failed=0

complain() {
	echo "FAIL: $*" >&2
	failed=1
}

if ! command -v readelf >/dev/null 2>&1; then
	echo "SKIP: readelf is not installed" >&2
	exit 77
fi
if grep -qs '^#define OD_SANITIZERS' "$build/config.h"; then
	echo "SKIP: the run-time of the sanitizers is linked in" >&2
	exit 77
fi

# needs PROGRAM LIBRARY...: exactly these (as in libNAME.so.*).
needs() {
	program=$1
	shift
	found=$(readelf -d "$build/libexec/$program" |
	    sed -n 's/.*(NEEDED).*\[lib\([^]]*\)\.so.*/\1/p' | sort | tr '\n' ' ')
	wanted=$(printf '%s\n' "$@" | sort | tr '\n' ' ')
	[ "$found" = "$wanted" ] ||
	    complain "$program needs '$found' and not '$wanted'"
}

# Position independent, relocations read only, everything bound at the start.
protected() {
	[ -x "$1" ] || complain "there is no $1"
	for word in 'DYN' 'GNU_RELRO' 'BIND_NOW' 'GNU_STACK'; do
		readelf -hldW "$1" | grep -q "$word" ||
		    complain "${1##*/}: no $word"
	done
	! readelf -lW "$1" | grep 'GNU_STACK' | grep -q 'RWE' ||
	    complain "${1##*/}: its stack is executable"
}

is_static() {
	[ -x "$build/libexec/$1" ] || complain "there is no $1"
	! readelf -lW "$build/libexec/$1" | grep -q INTERP ||
	    complain "$1 has an interpreter"
	! readelf -d "$build/libexec/$1" | grep -q NEEDED ||
	    complain "$1 needs libraries"
}

needs opendaemon-supervisor c ev msgpackc
needs od-capture c ev msgpackc
is_static od-keeper
is_static od-exec
is_static od-sweep
is_static od-open

for program in opendaemon-supervisor od-capture od-journal od-logs; do
	protected "$build/libexec/$program"
done
protected "$build/bin/od"

exit "$failed"
