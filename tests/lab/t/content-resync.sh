#!/bin/bash
# lab: solo disks=160M,160M timeout=300 both-kernels
# Resync of managed targets: two sides that have no snapshot in common are joined; somebody wrote to the newest generation,
# which is repaired, and what he wrote stays; a crash in between leaves nothing that is taken for the repaired one.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 96M
make_pool dst /dev/vdb pool 128k -L 96M
thin_volume src/pool vol 16M
# resync SNAPSHOT: into dst/copy; the stream is in `stream`
resync() {
  bsr-recv --digests dst/copy > map
  bsr-send --compress none --against map "$1" > stream
  expect_same "committed $(uuid "$1")" "$(receive_from stream dst/copy)" "answer"
  expect_equal "$1" "$(newest_generation dst/copy)"
}

write_random src/vol 0 12288 1
snapshot src/vol s1
expect_rc 13 bsr-recv --digests dst/copy  # nothing there yet
ship src/s1 '--pool dst/pool dst/copy'

# The snapshot that both have is gone on the source.
lvremove -qq -y src/s1
write_random src/vol 5000 8 2
discard src/vol 8192 2048
lvextend -qq -L +4M src/vol
write_random src/vol 17000 8 3
snapshot src/vol s2
resync src/s2
(($(stat -c %s stream) < 2200000)) || fail "$(stat -c %s stream) bytes are shipped, 2 MiB differ"
write_random src/vol 100 4 4
snapshot src/vol s3
ship '-i src/s2 src/s3' dst/copy
expect_equal src/s3 "$(newest_generation dst/copy)"

# Somebody writes to the newest generation.
newest=$(newest_generation dst/copy)
lvchange -qq -prw "$newest"
lvchange -qq -K -ay "$newest"
write_random "$newest" 3000 4 5
lvchange -qq -an "$newest"
write_random src/vol 7000 4 6
snapshot src/vol s4
send_to 34.bsr -i src/s3 src/s4
expect_rc 14 receive_from 34.bsr dst/copy

# Cut while it is repaired: it starts again, and nothing is taken for s3 that is not.
bsr-recv --digests dst/copy > map
bsr-send --compress none --against map src/s3 > stream
head -c 500000 stream > part
expect_rc 11 receive_from part dst/copy
expect_same '' "$(bsr-recv -t dst/copy)" "token"
[[ $(lvs --noheadings -o lv_tags dst/copy.bsr-recv) == *bsr.applying=content:* ]]
expect_rc 14 receive_from 34.bsr dst/copy
[[ $OUTPUT == *'a resync was interrupted'* ]] || fail "said: $OUTPUT"
resync src/s3
expect_same 2 "$(lvs --noheadings -o lv_tags dst | grep -c "bsr.uuid=$(uuid src/s3)")" "generations of s3"
[[ $(lvs --noheadings -o lv_name dst) == *copy.bsr-diverged-* ]] || fail "the state before is not kept"
receive_from 34.bsr dst/copy
expect_equal src/s4 "$(newest_generation dst/copy)"

# A plain device of the same size.
lvcreate -qq -y -V 20M -T dst/pool -n plain
write_random dst/plain 0 20480 7
bsr-recv --digests /dev/dst/plain > map
bsr-send --against map src/s4 | bsr-recv --ack /dev/dst/plain > said
expect_equal src/s4 dst/plain
bsr-recv --digests /dev/dst/plain > map
bsr-send --compress none --against map src/s4 > stream
(($(stat -c %s stream) < 10000)) || fail "something still differs"
