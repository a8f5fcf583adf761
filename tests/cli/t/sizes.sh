#!/bin/bash
# A volume that grew or shrank between its snapshots. --size is the size of both, so the caller gives the target the new
# size first.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 1M v1
write_random v1 0 1024 1
truncate -s 2M v2 # grew
write_random v2 0 960 1
write_random v2 1000 100 2
write_random v2 2047 1 3
truncate -s 512K v3 # shrank
write_random v3 0 512 1
write_random v3 500 12 4
truncate -s 1M v4 # grew again: what was behind the end must not come back
write_random v4 0 512 1
write_random v4 500 12 4
write_random v4 800 1 5
make_pool 64 v1 v2 v3 v4

size_of() { stat -c %s "$1"; }
# send_change FILE FROM TO
send_change() { send_to "$1" -i "$2" --size "$(size_of "v$3")" "$3"; }

for i in 1 2 3 4; do
  ship "--size $(size_of v$i) $i" "full$i" > /dev/null
  expect_equal "v$i" "full$i"
done
for engine in thin-tools native check; do
  cp v1 target
  for to in 2 3 4; do
    send_change stream $((to - 1)) $to --delta-engine "$engine"
    expect_refused base target receive_from stream target --base "$(identity $((to - 1)))"
    expect_advice target
    truncate -s "$(size_of "v$to")" target
    expect_rc ok receive_from stream target --base "$(identity $((to - 1)))"
    expect_equal "v$to" target
  done
done

# Sizes that are not a multiple of the chunk: clipped to the volume's size.
for size in 512 66048 130560 983552; do
  head -c "$size" v1 > expected
  rm -f clipped
  ship "--size $size 1" clipped > /dev/null
  expect_equal expected clipped
  expect_same "full 1 $size" "$(bsr-send "${POOL[@]}" --size "$size" -nP 1 | head -n 1 | tr '\t' ' ')" "plan"
done

for size in 1 511 513 65537; do
  expect_rc usage bsr-send "${POOL[@]}" -n --size "$size" 1
  expect_says "size $size.* 512"
done
