#!/bin/sh
# start turns scripts, commands and options into a definition, or says why not.

# shellcheck source=tests/unit/cli.sh
. "$(dirname "$0")/cli.sh"

# An interpreter in PATH for each extension.
mkdir "$dir/bin" "$dir/work" "$dir/work/adir"
for program in python3 node ruby perl php redis-server; do
	printf '#!/bin/sh\n' >"$dir/bin/$program"
	chmod +x "$dir/bin/$program"
done
PATH=$dir/bin:$PATH
real=$(cd "$dir/work" && pwd -P)
cd "$real"

runs_by() {
	: >"$real/app.$1"
	with -- start "app.$1"
	is 0
	asked process.define ".name == \"app\" and .argv ==
	    [\"$2\", \"$real/app.$1\"] and .cwd == \"$real\""
	asked process.start '.targets == ["app"] and .wait'
}
runs_by py python3
runs_by js node
runs_by mjs node
runs_by cjs node
runs_by ts node
runs_by sh sh
runs_by rb ruby
runs_by pl perl
runs_by php php

# It runs itself if it can.
printf '#!/bin/sh\n' >own.py
chmod +x own.py
with -- start own.py
asked process.define ".argv == [\"$real/own.py\"]"
# Executable, but with nothing that says how.
: >app.py
chmod +x app.py
with -- start ./app.py
asked process.define '.argv[0] == "python3"'
with -- start --interpreter sh own.py -- -x 'a b' ''
asked process.define ".argv == [\"sh\", \"$real/own.py\", \"-x\", \"a b\", \"\"]"
with -- start --interpreter none own.py
asked process.define ".argv == [\"$real/own.py\"]"

with -- start -n redis -- redis-server --port 0
is 0
asked process.define '.name == "redis" and
    .argv == ["redis-server", "--port", "0"]'
with -- start -- redis-server
asked process.define '.name == "redis-server"'

A=1 B=2 with -- start own.py -n api -i 3 --cwd / --env A --env B=3 --env C= \
    --namespace shop --restart on-failure --restart-delay 2s --stop-signal int \
    --stop-timeout 1m30s --log-out o.log --log-err /e.log --priority -5
is 0
asked process.define ".name == \"api\" and .instances == 3 and .cwd == \"/\" and
    .namespace == \"shop\" and .restart == \"on-failure\" and
    .delay_first_ms == 2000 and .delay_max_ms == 2000 and
    .delay_factor_percent == 100 and .stop_signal == 2 and
    .stop_timeout_ms == 90000 and .log_out == \"$real/o.log\" and
    .log_err == \"/e.log\" and .priority == -5 and .autostart and
    .env.A == \"1\" and .env.B == \"3\" and .env.C == \"\" and .env.PATH and
    .uid == -1 and .gid == -1 and (.env | has(\"LC_ALL\") | not)"
with -- start own.py --combined
asked process.define '.log_combined'
with -- start own.py -i max
asked process.define ".instances == $(nproc)"
with -- start own.py --no-autostart
is 0
asked process.define '.autostart | not'
asked_times 0 process.start
with -- start own.py --no-wait
asked process.start '.wait | not'

if [ "$(id -u)" = 0 ]; then
	with -- start own.py --user nobody
	is 0
	asked process.define ".uid == $(id -u nobody) and
	    .gid == $(id -g nobody) and .env.USER == \"nobody\" and
	    (.groups | index(\"$(id -g nobody)\") != null)"
	with -- start own.py --group nogroup
	asked process.define ".uid == -1 and
	    .gid == $(getent group nogroup | cut -d: -f3)"
	with -- start own.py --user no-such-user
	is 2
	says "there is no user 'no-such-user'"
else
	with -- start own.py --user nobody
	is 5
	says 'root only'
fi

# An app goes before a file of its name, unless it is to be defined anew.
with app=own.py -- start own.py
asked_times 0 process.define
with app=own.py -- start own.py -i 2
asked process.define '.instances == 2'
with app=own.py -- start ./own.py
asked_times 1 process.define

refused() {
	wanted=$1 words=$2
	shift 2
	with app=web -- start "$@"
	is "$wanted"
	says "$words"
	asked_times 0 process.define
}
touch "$dir/home" # in case with() never made it
: >plain
: >apps.yaml
: >'two words.sh'
refused 1 "cannot start './missing.py': No such file or directory" ./missing.py
refused 1 'is a directory: name the file' adir
refused 1 'chmod +x it, or say what runs it with --interpreter' plain
refused 1 'looks like a configuration file' apps.yaml
refused 4 "did you mean 'web'" wbe
refused 4 'see: od list' nothing-like-it
refused 1 "od start -n NAME -- command" 'npm run x'
refused 2 'give one with -n' 'two words.sh'
refused 2 "cannot be the name of an app" -n all own.py
refused 2 "cannot be the name of an app" -n 12 own.py
refused 2 "cannot be the name of an app" -n "$(printf '%065d' 0)x" own.py
refused 2 "cannot be the name of an app" -n '' own.py
refused 1 "cannot find the program 'no-such-program' in PATH" -- no-such-program
refused 1 "give a command as words" -- 'sleep 5'
refused 2 'no command stands behind' --
refused 2 'a number from 1' -i 0 own.py
refused 2 'a number from 1' -i x own.py
refused 2 'one of: always' --restart sometimes own.py
refused 2 'is no signal' --stop-signal NOPE own.py
refused 2 'needs a duration' --stop-timeout 5parsecs own.py
refused 2 'no name' --env =x own.py
refused 2 'no such variable here' --env NO_SUCH_VARIABLE own.py
refused 2 'give --log-out alone' --combined --log-err e own.py
refused 2 'a whole number' --priority high own.py
refused 2 'for one app' -n x own.py app.js
refused 2 "did you mean '--name'" --nmae x own.py
refused 1 'is no directory' --cwd own.py own.py
refused 2 'usage: od start'

# Not ready: the reason, and the last lines.
with refuse='process.start:-5:web ended with status 3' app=web -- start web
is 1
says 'od start: web ended with status 3'
says 'web:0 | line 8'
