# What scripts/run and scripts/test share: packages and builds. Sourced by
# bash, from the top of the source tree.
# shellcheck shell=bash disable=SC2034

say() { printf '==> %s\n' "$*"; }

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# What has to be there, as "package" or "command:package" where any source of
# the command will do.
build_packages=(
	cc:gcc make:make autoreconf:autoconf automake:automake
	pkg-config:pkgconf libc6-dev libev-dev libmsgpack-dev libjansson-dev
	libsmartcols-dev libseccomp-dev zlib1g-dev uthash-dev
	musl-gcc:musl-tools
)
run_packages=(python3:python3)
test_packages=(
	check clang:clang python3:python3 jq:jq readelf:binutils
	shellcheck:shellcheck strace:strace setpriv:util-linux
)

is_there() {
	if [[ $1 == *:* ]]; then
		command -v "${1%%:*}" >/dev/null 2>&1
	else
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" \
		    2>/dev/null)" = installed ]
	fi
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo "$@"
	else
		die "this needs root or sudo: $*"
	fi
}

# Install what is missing, and nothing else.
need_packages() {
	local wanted missing=()

	for wanted; do
		is_there "$wanted" || missing+=("${wanted##*:}")
	done
	if [ "${#missing[@]}" = 0 ]; then
		say "all packages are there"
		return
	fi
	command -v apt-get >/dev/null 2>&1 ||
	    die "please install: ${missing[*]}"
	say "installing ${missing[*]}"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq </dev/null
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
	    --no-install-recommends "${missing[@]}" </dev/null >/dev/null
}

jobs() { nproc 2>/dev/null || echo 2; }

# Everything from a quiet command, but only if it fails.
quietly() {
	local log

	log=$(mktemp)
	if ! "$@" >"$log" 2>&1 </dev/null; then
		tail -n 80 "$log" >&2
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
}

generate() {
	if [ ! -e configure ] || [ -n "$(find . -path './build*' -prune -o \
	    \( -name configure.ac -o -name Makefile.am -o -name module.am \
	    -o -name '*.m4' -path './m4/*' \) -newer configure -print -quit)" ]
	then
		say "making configure"
		quietly autoreconf -fi
	fi
}

# build DIRECTORY [configure argument...]: configure once, make what is new.
build() {
	local where=$1 from=$PWD
	shift
	mkdir -p "$where"
	(
		cd "$where" || exit
		[ -e Makefile ] || quietly "$from/configure" "$@"
		quietly make -j"$(jobs)"
	)
}
