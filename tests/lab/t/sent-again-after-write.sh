#!/bin/bash
# lab: solo disks=96M,96M timeout=600 both-kernels
# The same snapshot is sent again: acknowledged while it stands still, also when it was written to before it was shipped;
# refused after it was written to, where that left a mapping and where it left no trace but the content.
set -euo pipefail
. /lab/lib.sh
make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 4M
write_random src/vol 0 2048 1
snapshot src/vol s1
written() {
  lvchange -qq -ay -K "$1"
  write_random "$@"
  lvchange -qq -an "$1"
}
# again CODE SNAPSHOT ARG...: sent again, as a whole and as a change.
again() {
  local status=$1
  shift
  bsr-send "$@" > stream
  expect_rc "$status" receive_from stream dst/copy
}
written src/s1 1024 64 40
ship src/s1 '--pool dst/pool dst/copy'
first=$(sum "$(newest_generation dst/copy)")
again 0 src/s1
again 0 --patch never src/s1
expect_same "committed $(uuid src/s1)" "$OUTPUT" "answer"
written src/s1 1030 1 41 # in place
again 14 src/s1
[[ $OUTPUT == *'no longer holds what was received'*'--against'* ]] || fail "$OUTPUT"
lvchange -qq -K -ay src/s1
write_zero src/s1 1024 64 # in place: what the stream then passes over
lvchange -qq -an src/s1
again 14 src/s1
written src/s1 1024 64 40
again 0 src/s1 # as it was
written src/s1 3000 64 50
again 14 src/s1
expect_same "$first" "$(sum "$(newest_generation dst/copy)")" "what is there"
[[ $(generations dst/copy | wc -l) == 1 ]] || fail "$(generations dst/copy)"
for volume in src/s1 "$(newest_generation dst/copy)"; do
  if active "$volume"; then fail "$volume is left active"; fi
done

# A change, whose base the standby may have or not.
bsr-recv --digests dst/copy > there
bsr-send --against there src/s1 | bsr-recv dst/copy
write_random src/vol 100 8 60
snapshot src/vol s2
written src/s2 2048 64 61
ship '-i src/s1 src/s2' dst/copy
again 0 -i src/s1 src/s2
written src/s2 2050 1 62
again 14 -i src/s1 src/s2
