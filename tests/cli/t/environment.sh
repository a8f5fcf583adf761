#!/bin/bash
# TMPDIR: where the plan is; nothing stays there. Standard input and the current folder do not matter to the sender.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 512K v1
write_random v1 0 512 1
make_pool 64 v1
send_to full 1

mkdir temporary small out
TMPDIR=$PWD/temporary bsr-send "${POOL[@]}" -o out/stream 1
expect_equal full out/stream
expect_same '' "$(ls -A temporary)" "files left in TMPDIR"
expect_refused failed ./out/never env TMPDIR="$PWD/none" bsr-send "${POOL[@]}" -o ./out/never 1
expect_says "$PWD/none" TMPDIR
if mount -t tmpfs -o size=4k none small 2> /dev/null; then
  at_exit 'umount small'
  head -c 4096 /dev/zero > small/filler
  expect_refused nospace ./out/never env TMPDIR="$PWD/small" bsr-send "${POOL[@]}" -o ./out/never 1
  expect_says TMPDIR
else
  skip "a full TMPDIR: mounting is not possible here"
fi
bsr-send "${POOL[@]}" 1 <&- > stream
expect_equal full stream
(cd / && bsr-send --metadata "$OLDPWD/pool.meta" --data "$OLDPWD/pool.data" 1) > stream
expect_equal full stream
