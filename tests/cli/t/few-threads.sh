#!/bin/bash
# Where the system has too few threads: it works or fails, and never hangs.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

if ((EUID != 0)); then
  skip 'a limit of threads needs a user who has no other'
  exit
fi
truncate -s 8M v1
write_random v1 0 8192 1
make_pool 64 v1
chmod 755 .
chmod a+r pool.meta pool.data
mkdir bin
cp "$(command -v bsr-send)" "$(command -v bsr-recv)" bin
PATH=$PWD/bin:$PATH
send_to stream 1
chmod a+r stream
mkdir ours
chown 54321 ours

failures=0
for threads in 1 2 3 4 5 6 8 12 40; do
  limited() { timeout -s KILL 60 setpriv --reuid=54321 --regid=54321 --clear-groups prlimit --nproc="$threads" "$@"; }
  for command in 'bsr-send --metadata pool.meta --data pool.data --threads 4 1' 'bsr-recv ./ours/copy'; do
    status=0
    # shellcheck disable=SC2086
    limited $command < stream > out 2> said || status=$?
    ((status == 0 || status == 1)) || fail "status $status with $threads threads: $command: $(< said)"
    failures=$((failures + status))
    if [[ $command == bsr-recv* && $status == 0 ]]; then expect_equal v1 ours/copy; fi
    rm -f ours/*
  done
done
((failures > 0)) || fail 'the limit was never felt'
((status == 0)) || fail 'and never enough'
