#!/bin/sh
# Under load the supervisor makes no call that can block: it syncs nothing,
# opens nothing but /proc, its groups and what is its own, and reads and writes
# only what does not block.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"
need strace awk

start_daemon
supervisor=$(about supervisor_pid)
od start -n first -- sleep 1000000

strace -qq -y -p "$supervisor" -o "$dir/trace" 2>"$dir/strace" &
tracer=$!
attached() {
	[ -s "$dir/trace" ] || ! kill -0 "$tracer" 2>/dev/null
}
# Something must happen for it to be seen.
ask_it() { od list >/dev/null; attached; }
eventually ask_it
kill -0 "$tracer" 2>/dev/null ||
    skip "strace may not trace here: $(head -n 1 "$dir/strace")"

n=0
while [ "$n" -lt 8 ]; do
	od start -n "app$n" --no-wait -- "$fixtures/lines" "app$n" 1000 100 3
	n=$((n + 1))
done
for name in capture journal logs; do
	kill -KILL "$(plugin "$name" pid)"
	eventually plugin_is_online "$name"
done
od restart first >/dev/null
od logs --lines 5 >/dev/null
keeper=$(about keeper_pid)
kill -KILL "$keeper"
new_keeper() { [ "$(about keeper_pid)" != "$keeper" ]; }
eventually new_keeper
od stop all >/dev/null
od delete all >/dev/null
kill "$tracer"
wait "$tracer" || :

[ "$(wc -l <"$dir/trace")" -gt 1000 ] || fail "too little was seen"

# Denied by name; by path; and reads, writes and waits that would wait. What is
# read and written is a socket, a pipe or an event descriptor, which are
# non-blocking all, or a file of a file system that has no disk.
awk -v home="$OD_HOME" '
function bad(why) { print why ": " $0; found = 1 }
/^(fsync|fdatasync|sync|syncfs|msync|sync_file_range|flock|connect|nanosleep|clock_nanosleep|select|pause|rename|renameat2?|statfs)\(/ {
	bad("it may block")
}
/^(open|openat|openat2)\(/ {
	if (match($0, /"[^"]*"/) == 0)
		next
	path = substr($0, RSTART + 1, RLENGTH - 2)
	if (path ~ /^\/proc\// || path ~ /^\/sys\/fs\/cgroup/ ||
	    path == "/dev/null" || index(path, home "/run") == 1 ||
	    $0 ~ /<\/sys\/fs\/cgroup/ || $0 ~ /<\/proc/)
		next
	bad("it opens")
}
/^(read|write|readv|writev|pread64|pwrite64)\(/ {
	if ($0 ~ /\([0-9]+<(socket|UNIX|pipe|anon_inode|\/memfd:|NETLINK|\/proc|\/sys\/fs\/cgroup|\/dev\/null)/)
		next
	bad("it reads or writes")
}
/^(wait4|waitid)\(/ && !/WNOHANG/ { bad("it waits") }
/^(recvmsg|sendmsg|recvfrom|sendto)\(/ &&
    !/MSG_DONTWAIT/ { bad("it may wait") }
/^(poll|ppoll)\(/ && !/, 0\)/ { bad("it waits") }
/^(unlink|unlinkat|mkdir|mkdirat|rmdir)\(/ && !/cgroup/ { bad("it changes a directory") }
END { exit found }
' "$dir/trace" >"$dir/bad" || {
	sort "$dir/bad" | uniq -c | sort -rn | head -n 20 >&2
	fail "calls that can block"
}

# What is non-blocking is so by its own flag.
for fd in "/proc/$supervisor/fdinfo"/*; do
	number=${fd##*/}
	case $(readlink "/proc/$supervisor/fd/$number" 2>/dev/null) in
	socket:* | pipe:*)
		flags=$(awk '/^flags:/ { print $2 }' "$fd" 2>/dev/null)
		[ -n "$flags" ] || continue
		[ $((0$flags & 04000)) != 0 ] || fail "$number may block"
		;;
	esac
done
