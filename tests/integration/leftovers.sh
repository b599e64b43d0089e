#!/bin/sh
# What an app leaves behind is gone when the app is stopped: forked twice, in a
# session of its own, or for ever replacing itself.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

start_daemon

child_of() {
	sed -n 's/^child //p' "$OD_HOME/log/$1/0-out.log" 2>/dev/null
}
has_child() { [ -n "$(child_of "$1")" ]; }

for how in double setsid; do
	od start -n $how -- "$fixtures/forker" $how
	eventually has_child $how
	left=$(child_of $how)
	gone "$left" && fail "$how: there was no child"
	od stop $how
	gone "$left" || fail "$how: $left outlived its app"
done

# Even what has no mark, no pipe and no session is in its cgroup.
case $(about tree) in
"cgroup v2")
	od start -n closed -- "$fixtures/forker" closed
	eventually has_child closed
	left=$(child_of closed)
	od stop closed
	gone "$left" || fail "closed: $left outlived its app"
	;;
*)
	echo "without a cgroup: $(about tree)"
	;;
esac

od start -n storm --stop-timeout 500 -- "$fixtures/forker" storm 4
od stop storm
storm=$(grep -lsazxF "$fixtures/forker" /proc/[0-9]*/cmdline || :)
[ -z "$storm" ] || fail "the storm goes on: $storm"
