#!/bin/sh
# The scripts that completion prints offer our words, and the apps there are.

# shellcheck source=tests/unit/cli.sh
. "$(dirname "$0")/cli.sh"

PATH=$build/bin:$PATH
for shell in bash zsh fish; do
	alone completion $shell
	is 0
	cp "$dir/out" "$dir/$shell"
done
alone completion csh
is 2

cat >"$dir/ask.bash" <<'END'
source "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
_opendaemon
printf '%s\n' "${COMPREPLY[@]}"
END

# offers WORD words...: with the last one begun, WORD is offered.
offers() {
	wanted=$1
	shift
	rm -rf "${dir:?}/home"
	"$build/tests/fixtures/fake_daemon" "$dir/home" app=web -- \
	    bash "$dir/ask.bash" "$dir/bash" "$@" >"$dir/out"
	grep -qx -- "$wanted" "$dir/out" || fail "bash: $*: no '$wanted'"
}
if command -v bash >/dev/null; then
	offers start od st
	offers delete od --json de
	offers --timeout od --ti
	offers stop od daemon st
	offers list opendaemon plugin ''
	offers --keep-apps od daemon stop --k
	offers web od stop w
	offers web od start w
	offers web od signal HUP w
	offers HUP od signal H
	offers on-failure od start --restart on
	offers json od logs web --format j
	offers USR1 od start --stop-signal USR
	cd "$dir" && : >zfile
	offers zfile od start z
	offers zfile od start --log-out z
	offers zsh od completion z
fi
if command -v zsh >/dev/null; then
	zsh -n "$dir/zsh" || fail "zsh does not understand it"
fi
if command -v fish >/dev/null; then
	# shellcheck disable=SC2016
	for pair in 'start:od sta' 'stop:od daemon st' 'web:od stop w' \
	    '--instances:od start --inst' 'on-failure:od start --restart on' \
	    '--json:od list --js'; do
		rm -rf "${dir:?}/home"
		HOME=$dir "$build/tests/fixtures/fake_daemon" "$dir/home" \
		    app=web -- fish -N -c "source $dir/fish
		    complete -C '${pair#*:}'" >"$dir/out" 2>"$dir/err"
		cut -f1 "$dir/out" | grep -qx -- "${pair%%:*}" ||
		    fail "fish: ${pair#*:}: no '${pair%%:*}'"
	done
fi
