#!/bin/bash
# What applies to what: bases, sizes, snapshots that do not exist. A delta onto anything but its base changes nothing.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 512K v1
write_random v1 0 512 1
cp v1 v2
write_random v2 100 30 2
cp v2 v3
write_random v3 10 30 3
make_pool 64 v1 v2 v3
one=$(identity 1) two=$(identity 2) three=$(identity 3)
send_to full 1
send_to delta -i 2 3
cp v2 target

expect_refused base target receive_from delta target
expect_advice "target.*$two"
expect_says "--base $two"
for wrong in "$one" "$three" "${two}x" "${two%?}" "${two^^}" none ' '; do
  expect_refused base target receive_from delta target --base "$wrong"
  expect_advice "target.*$two"
done
expect_refused base missing receive_from delta missing --base "$two"
expect_advice missing
expect_refused base missing receive_from delta missing
expect_refused usage target receive_from full target --base "$one"
expect_advice "--base"
expect_refused usage missing receive_from full missing --base "$one"
expect_refused usage target receive_from full target --base ''

# Sizes: the target is larger, or smaller, by a sector, a byte, a lot.
for size in 511 512 523776 524287 524289 524800 1048576; do
  truncate -s 0 target
  truncate -s "$size" target
  expect_refused base target receive_from full target
  expect_advice "target.* $size .*524288"
  expect_refused base target receive_from delta target --base "$two"
  expect_refused base target receive_from full target -n
done

# The right one is taken, and only once.
cp v2 target
expect_rc ok receive_from delta target --base "$two"
expect_equal v3 target
expect_refused base target receive_from delta target --base "$three"

# The sender: base and snapshot must differ and exist.
expect_rc usage bsr-send "${POOL[@]}" -i 1 1
expect_says '^bsr-send: .*1'
for arguments in 4 '-i 4 1' '-i 1 4' 0 16777215; do
  # shellcheck disable=SC2086
  expect_rc failed bsr-send "${POOL[@]}" $arguments
  expect_says 'thin device' '1 2 3'
done
for arguments in x '-i x 1' -1 1.5 '' vg/lv 99999999999999999999; do
  expect_rc usage bsr-send "${POOL[@]}" ${arguments:+$arguments}
done
expect_rc usage bsr-send --metadata pool.meta 1
expect_says --data
expect_rc usage bsr-send --data pool.data 1
expect_says --metadata

# An empty file has not the right size either.
: > target
expect_refused base target receive_from delta target --base "$two"
expect_refused base target receive_from full target
