#!/bin/sh
# The manual has every command and option, and mandoc has nothing to say.

# shellcheck source=tests/unit/cli.sh
. "$(dirname "$0")/cli.sh"

if ! command -v mandoc >/dev/null 2>&1; then
	echo "SKIP: mandoc is not installed" >&2
	exit 77
fi
manual=$build/docs/man/od.1
[ -s "$manual" ] || fail "there is no manual"
# What other manuals there are is the machine's affair.
mandoc -Tlint -Wall "$manual" 2>&1 | grep -v 'mandoc.db\|Xr.*missing' >"$dir/out" ||
    :
[ ! -s "$dir/out" ] || fail "mandoc complains"
mandoc -Tutf8 "$manual" | sed "s/.$(printf '\b')//g" >"$dir/text"

od help | sed -n '/^commands:/,/^$/s/^  \([a-z ]*[a-z]\)  *\((.*)\)\{0,1\}  .*/\1/p' \
    >"$dir/commands"
[ "$(wc -l <"$dir/commands")" -ge 20 ] || fail "the commands were not found"
while read -r words; do
	grep -q "^ *$words" "$dir/text" || fail "it has no $words"
	# shellcheck disable=SC2086
	od help $words | sed -n 's/^  \(-[a-z], \|    \)\(--[a-z-]*\) .*/\2/p' >"$dir/options"
	[ -s "$dir/options" ] || fail "$words has no options at all"
	while read -r option; do
		grep -q -- "$option" "$dir/text" ||
		    fail "it has no $option of $words"
	done <"$dir/options"
done <"$dir/commands"
