#!/bin/bash
# The streams that a script wrote from bsr-stream(5), without our code: read by the programs, into every kind of target.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

GOLDEN=$CLI/../golden/bsr-1
# sum_in TEXT: the SHA-256 of the resulting volume that the script wrote down.
sum_in() { sed -n 's/^volume //p' "$1"; }
# base_volume FILE BYTES: what the deltas apply to, as make_bsr1.py has it.
base_volume() { perl -e 'print pack("C*", map { ($_ * 7 + int($_ / 512)) & 255 } 0 .. $ARGV[0] - 1)' "$2" > "$1"; }

for name in full full-zstd nothing; do
  stream=$GOLDEN/$name.bsr
  expect_rc ok receive_from "$stream" "new-$name"
  expect_same "$(sum_in "$GOLDEN/$name.txt")" "$(sha256sum < "new-$name" | cut -d' ' -f1)" "content of $name"
  truncate -s "$(stat -c %s "new-$name")" "old-$name"
  write_random "old-$name" 0 64 1
  expect_rc ok receive_from "$stream" "old-$name"
  expect_equal "new-$name" "old-$name"
done

# The volume grew, or shrank: a file that holds the base gets the size of the snapshot.
for name in delta delta-zstd; do
  base_volume target 196608
  expect_rc ok receive_from "$GOLDEN/$name.bsr" target --base snapshot-1
  expect_same 'committed snapshot-2' "${OUTPUT##*$'\n'}" "output of bsr-recv"
  expect_same "$(sum_in "$GOLDEN/$name.txt")" "$(sha256sum < target | cut -d' ' -f1)" "content of $name"
done

base_volume target 196608
expect_rc ok receive_from "$GOLDEN/shrink.bsr" target --base snapshot-1
expect_same "committed $(printf 's%.0s' {1..63})" "${OUTPUT##*$'\n'}" "output of bsr-recv"
expect_same "$(sum_in "$GOLDEN/shrink.txt")" "$(sha256sum < target | cut -d' ' -f1)" "content of shrink"

# A file of any other size does not hold the base.
for size in 0 65536 196096 197120 327680; do
  base_volume target "$size"
  for name in delta shrink; do
    expect_refused base target receive_from "$GOLDEN/$name.bsr" target --base snapshot-1
    expect_advice "target.* $size .*196608"
  done
done
