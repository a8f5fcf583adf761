#!/bin/bash
# lab: solo disks=96M,96M timeout=600 both-kernels
# A transfer is cut and its snapshot written to; the token must not continue it half old, half new. A mapping more is
# seen by the sender, a write in place by the receiver, and whoever stood still goes on.
set -euo pipefail
. /lab/lib.sh
make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 4M
write_random src/vol 0 4096 1
snapshot src/vol s1
written() {
  lvchange -qq -ay -K "$1"
  write_random "$@"
  lvchange -qq -an "$1"
}
continued() { bsr-send -t "$(bsr-recv -t dst/copy)" > rest; }
written src/s1 512 64 40
written src/s1 3072 64 41
send_to full --compress none src/s1
head -c 1200K full > 'cut'

expect_rc 11 receive_from cut --pool dst/pool dst/copy
written src/s1 512 1 42 # in place, below the resume point
continued
bsr-stream dump rest > shown
grep -q ' HOLDS ' shown || fail "$(< shown)"
expect_rc 14 receive_from rest dst/copy
[[ $OUTPUT == *'it was written to since'*'bsr-recv -A dst/copy'* ]] || fail "$OUTPUT"
[[ $(bsr-recv -t dst/copy) == bsr1.* ]] || fail "what was kept is gone"
written src/s1 512 64 40 # as it was; and in place behind the resume point, which is yet to be sent
written src/s1 3072 64 43
continued
expect_rc 0 receive_from rest dst/copy
expect_equal src/s1 "$(newest_generation dst/copy)"

write_random src/vol 0 2048 2
snapshot src/vol s2
bsr-send --compress none --patch never -i src/s1 src/s2 > full
head -c 1200K full > 'cut'
expect_rc 11 receive_from cut dst/copy
written src/s2 0 64 50
expect_rc 14 continued
[[ $OUTPUT == *'the snapshot (src/s2) was written to, trimmed'*'bsr-recv -A TARGET'* ]] || fail "$OUTPUT"
bsr-recv -A dst/copy
send_to full --compress none --patch never -i src/s1 src/s2
head -c 1200K full > 'cut'
expect_rc 11 receive_from cut dst/copy
written src/s1 0 64 51
expect_rc 14 continued
[[ $OUTPUT == *'the base'* ]] || fail "$OUTPUT"
