#!/bin/bash
# What --ack called durable is there after SIGKILL in that very moment: the token continues at that place or behind it.
# Where nothing will be kept, with --no-resume, nothing but `committed` is promised.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 160M v1
write_random v1 0 163840 1
make_pool 64 v1
send_to full --compress none 1
mkfifo line

# killed_when_durable: the last place that was called durable when it was killed, in `place`
killed_when_durable() {
  : > answer
  bsr-recv --ack ./target < line > answer 2> said &
  exec 3> line
  head -c 150M full >&3
  wait_until grep -q '^durable [1-9]' answer
  kill -9 $!
  wait $! 2> /dev/null || true
  exec 3>&-
  place=$(sed -n 's/^durable //p' answer | tail -n 1)
}
for kind in new in-place; do
  rm -rf target*
  if [[ $kind == in-place ]]; then truncate -s 160M target; fi
  killed_when_durable
  token=$(bsr-recv -t ./target)
  [[ $token ]] || fail "$kind: durable $place, and no token"
  send_to rest --compress none -t "$token"
  (($(stat -c %s rest) <= 160 * 1024 * 1024 - place + 300000)) ||
    fail "$kind: durable $place, and $(stat -c %s rest) bytes come again"
  receive_from rest ./target
  expect_equal v1 target
done

for kind in new in-place; do
  rm -rf target*
  if [[ $kind == in-place ]]; then truncate -s 160M target; fi
  head -c 150M full > cut.bsr
  expect_rc truncated receive_from cut.bsr --ack --no-resume ./target
  [[ $OUTPUT != *durable\ [1-9]* ]] || fail "$kind: promised: $OUTPUT"
  expect_rc ok receive_from full --ack --no-resume ./target
  expect_equal v1 target
done
