#!/bin/sh
# Who includes whom: a folder sees only what lies below it, and main() is where
# a program is.
set -eu

source=${OD_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
cd "$source"
failed=0

complain() {
	echo "FAIL: $*" >&2
	failed=1
}

# The headers of the project that FILE includes, as paths from the top.
included() {
	sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' \
	    "$1" | while read -r header; do
		if [ -e "$(dirname "$1")/$header" ]; then
			realpath -m --relative-to=. "$(dirname "$1")/$header"
		else
			echo "$header"
		fi
	done
	sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*<\(opendaemon\/[^>]*\)>.*/\1/p' "$1"
}

system_headers() {
	sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*<\([^>]*\)>.*/\1/p' "$1"
}

# may FOLDER PATTERN...: what files of FOLDER may include (case patterns).
may() {
	folder=$1
	shift
	for file in $(find "$folder" -name '*.[ch]' | sort); do
		for header in $(included "$file"); do
			allowed=no
			for pattern; do
				# shellcheck disable=SC2254
				case $header in
				$pattern) allowed=yes ;;
				esac
			done
			[ "$allowed" = yes ] ||
			    complain "$file includes $header"
		done
		checked=$((checked + 1))
	done
}

# never FOLDER PATTERN...: system headers that files of FOLDER must not use.
never() {
	folder=$1
	shift
	for file in $(find "$folder" -name '*.[ch]' | sort); do
		for header in $(system_headers "$file"); do
			for pattern; do
				# shellcheck disable=SC2254
				case $header in
				$pattern) complain "$file includes <$header>" ;;
				esac
			done
		done
	done
}

checked=0
may base 'base/*' config.h
may protocol 'protocol/*' 'base/*' config.h
may sdk/actor 'sdk/actor/*' 'opendaemon/actor.h' 'protocol/*' 'base/*' config.h \
    sdk_actor_filters.h
may sdk/client 'sdk/client/*' 'opendaemon/client.h' 'protocol/*' 'base/*' \
    config.h
may actors 'actors/*' 'opendaemon/actor.h' 'protocol/*' 'base/*' config.h
may cli 'cli/*' 'opendaemon/client.h' 'protocol/*' 'base/*' config.h
may supervisor/root 'supervisor/root/*' supervisor/keeper/keeper.h \
    supervisor/exec/exec.h supervisor/open/open.h \
    'supervisor/sweep/*.h' 'protocol/*' 'base/*' config.h
for program in keeper exec sweep open; do
	[ -d supervisor/$program ] || continue
	may supervisor/$program "supervisor/$program/*" \
	    supervisor/root/observed_cells.h supervisor/exec/exec.h
done
[ "$checked" -gt 40 ] || complain "only $checked files were found"

# No private door: an actor includes its own folder's files and no other's.
for folder in actors/*/; do
	for file in "$folder"*.[ch]; do
		[ -e "$file" ] || continue
		for header in $(included "$file"); do
			case $header in
			"$folder"*) ;;
			actors/*) complain "$file includes $header" ;;
			esac
		done
	done
done

never supervisor/root 'jansson.h' 'yaml.h' 'cyaml/*' 'curl/*' 'sqlite3.h' \
    'opendaemon/*' 'regex.h' 'dlfcn.h'
for program in keeper exec sweep open; do
	[ -d supervisor/$program ] || continue
	never supervisor/$program 'ev.h' 'msgpack*' 'jansson.h' 'bsd/*' \
	    'opendaemon/*'
done
for folder in base sdk actors cli; do
	never $folder 'cyaml/*' 'yaml.h'
done

# No heap where nothing may fail for want of memory.
for program in keeper exec sweep open; do
	[ -d supervisor/$program ] || continue
	! grep -nE '\b(malloc|calloc|realloc|strdup|asprintf|fopen|opendir)\(' \
	    supervisor/$program/*.c || complain "supervisor/$program uses the heap"
done

# A file with main() is a process; these are all the processes there are, and
# programs that the build runs.
programs='
actors/capture/main.c
actors/journal/main.c
actors/logs/main.c
cli/main.c
protocol/describe.c
sdk/actor/example/hello.c
sdk/actor/filters_gen.c
supervisor/exec/main.c
supervisor/keeper/main.c
supervisor/open/main.c
supervisor/root/main.c
supervisor/sweep/main.c
'
found=$(grep -rlE --include='*.c' '^main\(' . |
    sed 's|^\./||' | grep -vE '^(tests|build[^/]*|opendaemon-[0-9][^/]*)/')
for file in $found; do
	case $programs in
	*"
$file
"*) ;;
	*) complain "$file has a main(), which tests/layers.sh does not know" ;;
	esac
done

exit "$failed"
