#!/bin/sh
# Whichever call of the supervisor fails, at whichever use: it goes on, no app
# is lost or doubled, no descriptor leaks, every request is answered.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"
# Our processes are not dumpable: only root may count their descriptors.
need_root
need python3
[ -x "$fixtures/faulty/opendaemon-supervisor" ] ||
    skip "the sanitizers have a memory of their own"

# Programs of a build, with that supervisor among them.
mkdir -p "$dir/libexec" "$OD_HOME/run"
chmod 755 "$dir"
chmod 700 "$OD_HOME" "$OD_HOME/run"
for program in "$build"/libexec/*; do
	cp "$program" "$dir/libexec/"
done
cp "$fixtures/faulty/opendaemon-supervisor" "$dir/libexec/"
mkdir -p "$dir/bin"
cp "$build/bin/od" "$dir/bin/"
od() { "$dir/bin/od" "$@"; }

head -c 4096 /dev/zero >"$OD_HOME/run/faults"
start_daemon
export OD_BUILD="$build"
if [ -n "${OD_FAULTS-}" ]; then
	# shellcheck disable=SC2086
	python3 "$here/faults.py" $OD_FAULTS
	exit 0
fi
python3 "$here/faults.py" --uses 3 --step 17
# While others die, and while it dies itself.
python3 "$here/faults.py" --deaths --uses 2 --step 40
python3 "$here/faults.py" --deaths --supervisor --uses 2 --step 60
