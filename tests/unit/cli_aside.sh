#!/bin/sh
# Called od and found first in PATH, ours breaks nothing that calls the od of
# coreutils: not its options, not its files, not configure.

# shellcheck source=tests/unit/cli.sh
. "$(dirname "$0")/cli.sh"

theirs=$(command -v -p od || true)
if [ -z "$theirs" ]; then
	echo "SKIP: there is no other od" >&2
	exit 77
fi
PATH=$build/bin:$PATH
cd "$dir"
printf 'some bytes\n\001' >file
cp file lits
cp file lsit.bin

# shellcheck disable=SC2094
same() {
	command od "$@" <file >ours 2>ours.err && ours=0 || ours=$?
	"$theirs" "$@" <file >right 2>right.err && wanted=0 || wanted=$?
	[ "$ours" = "$wanted" ] || fail "od $*: status $ours"
	cmp -s ours right || fail "od $*: another output"
}
unset -f od
same
same -An -tx1
same -c file
same -A x
same -A x -t x1z -v file
same -h file
same -x file
same -j 2 -N 3 file
same --format=x1 file
same --endian=big -t x2 file
same -w8 file file
same +2 file
same -- file
same -
same /no/such/file
same ./file
same lits
same lsit.bin
same --no-such-option
same xyzzy

# What is ours stays ours.
for words in --help --version -h help version 'list --help' 'daemon --help'; do
	# shellcheck disable=SC2086
	"$build/bin/od" $words </dev/null >ours 2>&1 || :
	grep -qi opendaemon ours || grep -q 'usage: od' ours ||
	    fail "od $words is not ours"
done
status=0
"$build/bin/od" lst </dev/null 2>err >out || status=$?
is 2
says "did you mean 'list'"

# The other name never steps aside.
status=0
opendaemon -c file </dev/null >out 2>err || status=$?
is 2
status=0
opendaemon lits >out 2>err <file || status=$?
is 2

# Two of us, links to us, and nobody else.
mkdir a b
cp "$build/bin/od" a/od
ln -s "$build/bin/od" b/od
[ "$(PATH=$dir/a:$build/bin:$dir/b:$dir/a:/usr/bin:/bin od -An -tx1 <lits |
    tr -d ' \n')" = "$("$theirs" -An -tx1 <lits | tr -d ' \n')" ] ||
    fail "two copies"
status=0
PATH=$dir/b:$dir/a "$build/bin/od" -c file >out 2>err || status=$?
is 2

# A configure script, as autoconf writes them, finds od by its name.
cat >configure <<'END'
#!/bin/sh
as_tr=`printf '\001\002' | od -A n -t x1 -v | tr -d ' \n'`
test "$as_tr" = 0102 || exit 1
echo abc | od -c | grep 'a   b   c' >/dev/null || exit 1
END
sh ./configure || fail "configure"
