#!/bin/sh
# Each message with a field missing, of another kind or over its bounds is
# refused by a sentence that names the field, and the connection goes on.

# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"
need python3

start_daemon
od start -n app -- sleep 1000
pid=$(field app pid)

python <<'PYTHON'
from raw import *

bearing = Bearing()
raw = Raw()
WRONG = {"int": "x", "bool": 2, "str": 1, "bytes": 1, "list": "x", "map": []}
BIG = 300000            # more than this is refused for its length alone
tried = 0


def refuse(what, member, message):
    global tried
    tried += 1
    ident = tried + 10
    raw.send(request(message[0], ident, *message[1:]))
    got = raw.answer()
    if got is None:
        raise Failed(f"{what}: it hung up")
    if got[:2] != [number("failed"), ident]:
        raise Failed(f"{what}: answered by {got}")
    if member not in got[3]:
        raise Failed(f"{what}: '{got[3]}' does not name '{member}'")


def beyond(kind, low, high):
    """Values just out of bounds, and such as are none of their kind."""
    if kind == "int":
        yield high + 1
        if low > -2**63:
            yield low - 1
        return
    if kind in ("str", "bytes") and high < BIG:
        yield ("x" if kind == "str" else b"x") * (high + 1)
    if kind == "str":
        yield "\udcff\udcfe"            # no UTF-8
        yield "a\0b"
    if kind in ("list", "map"):
        many = [f"{i}" for i in range(high + 1)]
        yield many if kind == "list" else dict.fromkeys(many, "")
        bad = ["\udcff", "a\0b", 1, None]
        yield from ([b] if kind == "list" else {"k": b} for b in bad)
    if low > 0:
        yield {"str": "", "bytes": b"", "list": [], "map": {}}[kind]


for name, (code, fields) in MESSAGES.items():
    good = [fine(kind, low) for kind, _, low, _ in fields]
    for i, (kind, member, low, high) in enumerate(fields):
        what = f"{name}.{member}"
        refuse(f"{what} missing", member, [code, *good[:i]])
        for bad in (WRONG[kind], None, 1.5, *beyond(kind, low, high)):
            refuse(f"{what} = {repr(bad)[:40]}", member,
                   [code, *good[:i], bad, *good[i + 1:]])
raw.close()
bearing.check(f"{tried} messages")
if tried < 1000:
    raise Failed(f"only {tried} were tried")
PYTHON

[ "$(field app pid)" = "$pid" ] || fail "the app is another"
