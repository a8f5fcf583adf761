#!/bin/bash
# Deltas from snapshot to snapshot: writes, discards, zeros, the same data written again, nothing at all.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 3M v1
write_random v1 0 1024 1
write_text v1 1536 512 first
cp v1 v2 # scattered writes of all sizes, over chunk borders and to places that were not mapped
write_random v2 60 8 2
write_random v2 255 1 3
write_random v2 700 130 4
write_random v2 3071 1 5
cp v2 v3 # whole chunks discarded; zeros inside of chunks, from the middle of one to the middle of another
write_zero v3 128 64
write_zero v3 640 192
write_zero v3 1600 10
write_zero v3 1750 100
cp v3 v4 # only the same data again
cp v4 v5 # back into the holes, zeros elsewhere
write_random v5 128 32 6
write_random v5 720 1 7
write_text v5 1024 300 fifth
write_zero v5 0 64
cp v5 v6 # nothing
cp v6 v7 # everything goes but one sector
write_zero v7 0 3072
write_random v7 2000 1 8
make_pool 64 v1 v2 v3 v4 v5 v6 v7
rewrite_same 4 0 1 5 24
rewrite_same 5 40 41 # zeros where nothing was mapped

# step FROM TO TARGET: one delta into TARGET, which must then equal TO.
step() {
  expect_same "$(identity "$2")" "$(ship "--size 3145728 -i $1 $2" "--base $(identity "$1") $3")" "identity"
  expect_equal "v$2" "$3"
}

ship '--size 3145728 1' chain > /dev/null
expect_equal v1 chain
for to in 2 3 4 5 6 7; do step $((to - 1)) "$to" chain; done

# Any two snapshots: leaving some out.
cp v1 jump
step 1 3 jump
step 3 5 jump
step 5 7 jump
cp v1 jump
step 1 7 jump

# What was written again with the same content is in the delta; what did not change is not.
data_of() { bsr-send "${POOL[@]}" --size 3145728 -nP "$@" | sed -n 's/^size\t//p'; }
expect_same $((4 * 65536)) "$(data_of -i 3 4)" "bytes of the same data written again"
expect_same 0 "$(data_of -i 5 6)" "bytes of no change"
send_to nothing --size 3145728 -i 5 6
(($(stat -c %s nothing) < 1024)) || fail "no change takes $(stat -c %s nothing) bytes"

# Chunks of zeros that are mapped travel as ZERO or UNMAP, not as data.
send_to zeros --size 3145728 -i 4 5
bsr-stream dump --json zeros > frames
grep -q '"type":"ZERO"' frames || fail "no ZERO in: $(< frames)"
send_to unmapped --size 3145728 -i 2 3
bsr-stream dump --json unmapped > frames
grep -q '"type":"UNMAP"' frames || fail "no UNMAP in: $(< frames)"
