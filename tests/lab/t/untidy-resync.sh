#!/bin/bash
# lab: solo disks=160M,160M timeout=120
# The newest generation is damaged, and the resync of the very snapshot that it is of is cut, twice, and then killed;
# then it is given up with -A, and a last one comes through. In between ordinary changes are refused with what to do.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 96M
thin_volume src/pool vol 8M
write_random src/vol 0 8192 1
snapshot src/vol s1
write_random src/vol 64 8 2
snapshot src/vol s2
ship src/s1 '--pool dst/pool dst/copy' > /dev/null
damaged=$(newest_generation dst/copy)
lvchange -qq -prw "$damaged"
lvchange -qq -ay -K "$damaged"
write_random "$damaged" 1024 4000 9
lvchange -qq -an "$damaged"
lvchange -qq -pr "$damaged"
before=$(sum "$damaged")

bsr-recv --digests dst/copy > map
send_to resync.bsr --compress none --against map src/s1
for size in 3000K 1000K; do
  head -c $size resync.bsr > cut.bsr
  expect_rc 11 receive_from cut.bsr dst/copy
  honest src/s2 '-i src/s1 src/s2' dst/copy dst/copy
  expect_same refused "$OUTCOME" "an ordinary change"
  [[ $OUTPUT == *bsr-recv* ]] || fail "no command to go on with: $OUTPUT"
done
mkfifo line
bsr-recv dst/copy < line > /dev/null 2>&1 &
exec 3> line
head -c 2000K resync.bsr >&3
kill -9 $!
wait $! || true
exec 3>&-
bsr-recv -A dst/copy
expect_same "$before" "$(sum "$damaged")" "the generation"
bsr-recv --digests dst/copy > map
ship '--against map src/s1' dst/copy > /dev/null
expect_equal src/s1 "$(newest_generation dst/copy)"
ship '-i src/s1 src/s2' dst/copy > /dev/null
expect_equal src/s2 "$(newest_generation dst/copy)"
