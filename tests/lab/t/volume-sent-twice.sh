#!/bin/bash
# lab: solo disks=96M,96M timeout=600 both-kernels
# Each night a switched-off machine's volume itself is sent in full. What nobody wrote to is acknowledged; what was written to
# is refused, with the way that works.
set -euo pipefail
. /lab/lib.sh
make_pool src /dev/vda pool 64k -L 48M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 4M
write_random src/vol 0 2048 1
lvchange -qq -an src/vol
ship src/vol '--pool dst/pool dst/copy'
ship src/vol dst/copy
[[ $(generations dst/copy | wc -l) == 1 ]] || fail "$(generations dst/copy)"

lvchange -qq -ay src/vol
write_random src/vol 0 640 52 # in place
lvchange -qq -an src/vol
bsr-send src/vol > stream
expect_rc 14 receive_from stream dst/copy
lvchange -qq -ay src/vol
discard src/vol 1024 128
lvchange -qq -an src/vol
bsr-send src/vol > stream
expect_rc 14 receive_from stream dst/copy
[[ $OUTPUT == *'bsr-recv --digests'* ]] || fail "$OUTPUT"
bsr-recv --digests dst/copy > there
bsr-send --against there src/vol | bsr-recv dst/copy
expect_equal src/vol "$(newest_generation dst/copy)"
ship src/vol dst/copy
lvextend -qq -L +4M src/vol
lvchange -qq -an src/vol
bsr-send src/vol > stream
expect_rc 14 receive_from stream dst/copy
