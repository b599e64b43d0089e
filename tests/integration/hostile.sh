# Sourced by tests in which one of our own processes goes bad: a build tree of
# their own, in which that process does what the test says.
# shellcheck shell=sh disable=SC2034,SC2154
need python3

# go_bad PLUGIN: from the next start of the daemon on, it can be made to.
go_bad() {
	tree=$dir/tree
	victim=$1
	mkdir "$tree"
	cp -r "$build/bin" "$build/libexec" "$tree"
	build=$tree
	mv "$tree/libexec/od-$victim" "$tree/libexec/real"
	sed -e "s,@MODE@,$dir/mode," -e "s,@REAL@,$tree/libexec/real," \
	    "$source/tests/fixtures/hostile.py" >"$tree/libexec/od-$victim"
	chmod 755 "$tree/libexec/od-$victim"
	# As root it runs as somebody else.
	chmod 711 "$dir" "$tree"
	chmod -R go+rX "$tree"
	: >"$dir/mode"
}

# start_witnesses: what must not notice anything.
start_witnesses() {
	start_daemon
	supervisor=$(about supervisor_pid)
	keeper=$(about keeper_pid)
	od start -n steady -- "$fixtures/lines" steady 200 >/dev/null
	steady=$(field steady pid)
}

# unnoticed WHAT: a command is answered at once, by the same processes, and the
# app is the same.
unnoticed() {
	began=$(date +%s%N)
	od list >/dev/null || fail "$1: od list"
	took=$((($(date +%s%N) - began) / 1000000))
	[ "$took" -lt 1000 ] || fail "$1: od list took $took ms"
	[ "$(about supervisor_pid)" = "$supervisor" ] ||
	    fail "$1: another supervisor"
	[ "$(about keeper_pid)" = "$keeper" ] || fail "$1: another keeper"
	[ "$(field steady pid)" = "$steady" ] || fail "$1: another app"
}

# Its runs end; where it is in quarantine, it is let out.
tried_again() {
	[ "$(plugin "$victim" restarts)" -lt "$1" ] || return 0
	od plugin start "$victim" --timeout 200ms >/dev/null 2>&1 || :
	return 1
}

# 0 where only root may see them.
held() {
	find "/proc/$supervisor/fd" "/proc/$keeper/fd" -mindepth 1 2>/dev/null |
	    wc -l
}
holds_no_more_than() { [ "$(held)" -le "$1" ]; }

# memory_within KIB: of the supervisor.
memory() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"; }

# kill_it: whatever it is; nothing where it is not there, 0 would be us.
kill_it() {
	pid=$(plugin "$victim" pid)
	[ "${pid:-0}" = 0 ] || kill -KILL "$pid" 2>/dev/null || :
}

# behaves MODE CONVICTED: make it, look on, and let it be good again.
behaves() {
	echo "$1" >&2
	before=$(held)
	echo "$1" >"$dir/mode"
	seen=$(plugin "$victim" restarts)
	kill_it
	if [ "$2" = convicted ]; then
		eventually tried_again "$((seen + 2))"
	else
		replaced() {
			now=$(plugin "$victim" pid)
			[ "$now" != "$pid" ] && [ "$now" != 0 ]
		}
		eventually replaced
	fi
	for _ in 1 2 3 4 5; do
		unnoticed "$1"
	done
	[ "$(memory "$supervisor")" -lt 65536 ] ||
	    fail "$1: the supervisor has $(memory "$supervisor") KiB"
	: >"$dir/mode"
	kill_it
	od plugin start "$victim" >/dev/null 2>&1 || :
	eventually plugin_is_online "$victim"
	unnoticed "after $1"
	eventually holds_no_more_than "$before"
}

# intact: each line of the app is there once, in order.
intact() {
	od stop steady >/dev/null
	log=$OD_HOME/log/steady/0-out.log
	eventually contains "$log" " ended "
	awk '$3 == "ended" { n++; next }
	    $3 != ++n { print "line", NR, "is", $0; exit 1 }' "$log" ||
	    fail "its log has a hole"
}
