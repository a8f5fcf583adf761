#!/bin/bash
# lab: solo disks=160M,160M timeout=600 both-kernels
# The base, writable as lvcreate -s makes it, is trimmed after it was shipped (mount -o discard, fstrim), and the volume
# too: neither side of the comparison maps the chunk any more. Refused, with the way on that works; so is a base that got
# as much back elsewhere, and one that got it back in the same place.
set -euo pipefail
. /lab/lib.sh
make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 12M
write_random src/vol 0 8192 1
snapshot src/vol mon
ship src/mon '--pool dst/pool dst/copy'
monday=$(sum "$(newest_generation dst/copy)")
# touched COMMAND...: what somebody does to the base.
touched() {
  lvchange -qq -K -ay src/mon
  "$@"
  lvchange -qq -an src/mon
}
refused() {
  bsr-send "$@" -i src/mon src/tue > change
  expect_rc 14 receive_from change dst/copy
  [[ $OUTPUT == *'was written to, trimmed, merged or replaced'*'bsr-send --against'* ]] || fail "$OUTPUT"
  expect_same "$monday" "$(sum "$(newest_generation dst/copy)")" "what is there"
}

touched discard src/mon 1024 256
discard src/vol 1024 512
write_random src/vol 4096 256 5
snapshot src/vol tue
refused --delta-engine check
refused --delta-engine thin-tools

# As many mappings as before, elsewhere, and in the same places.
touched write_random src/mon 8192 256 6
refused
touched discard src/mon 8192 256
touched write_random src/mon 1024 256 7
refused

bsr-recv --digests dst/copy > there
bsr-send --against there src/tue | bsr-recv dst/copy > said
expect_equal src/tue "$(newest_generation dst/copy)"
