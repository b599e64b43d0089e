#!/bin/sh
# A worker that crashes now and then, so that there is something to see.

job=0
while :; do
	job=$((job + 1))
	echo "job $job done"
	if [ "$job" = 5 ]; then
		echo "job $job went wrong" >&2
		exit 1
	fi
	sleep 2
done
