#!/bin/bash
# lab: solo disks=96M,96M timeout=240 both-kernels
# Thin volumes of which what is not mapped reads from another volume (lvcreate -s --thinpool, an external origin). The
# receiver writes zeros there and discards nothing, which would bring the origin up again; the sender refuses (20), since
# what the pool does not map is not zero there.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 48M
thin_volume src/pool vol 8M
write_random src/vol 0 8192 1
snapshot src/vol s1
discard src/vol 1024 2048
write_zero src/vol 4096 1024
snapshot src/vol s2

make_pool dst /dev/vdb pool 64k -L 48M
# above_origin NAME: a thin volume of pool dst/pool, above an ordinary volume full of other bytes.
above_origin() {
  lvcreate -qq -y -L 8M -n "$1-origin" dst
  write_random "dst/$1-origin" 0 8192 9
  lvchange -qq -an "dst/$1-origin"
  lvchange -qq -pr "dst/$1-origin"
  lvcreate -qq -y -s --thinpool pool -n "$1" "dst/$1-origin"
  lvchange -qq -K -ay "dst/$1"
  [[ $(dmsetup table "dst-$1") == *' thin '*' '*' '* ]] || fail "no external origin: $(dmsetup table "dst-$1")"
}
above_origin copy
full=$(ship src/s1 /dev/dst/copy)
expect_equal src/s1 dst/copy
ship '-i src/s1 src/s2' "--base $full /dev/dst/copy"
expect_equal src/s2 dst/copy
# Gaps of a full stream where nothing was written yet.
above_origin other
ship src/s2 /dev/dst/other
expect_equal src/s2 dst/other

# In the place of a working copy: where its generation maps nothing it maps nothing either.
thin_volume src/pool empty 8M
snapshot src/empty e1
write_random src/empty 0 64 4
snapshot src/empty e2
ship src/e1 '--pool dst/pool dst/managed'
lvremove -qq -y dst/managed.bsr-recv
lvcreate -qq -y -s --thinpool pool -k y --addtag bsr.target=managed -n managed.bsr-recv dst/other-origin
before=$(newest_generation dst/managed)
send_to delta.bsr -i src/e1 src/e2
lvchange -qq -an dst/managed.bsr-recv
expect_rc 14 receive_from delta.bsr dst/managed
[[ $OUTPUT == *'external origin'* ]] || fail "it says: $OUTPUT"
expect_same "$before" "$(newest_generation dst/managed)" "the newest generation"
expect_same 'bsr.target=managed' "$(lvs --noheadings -o lv_tags dst/managed.bsr-recv | tr -d ' ')" "tags of what stands there"
lvremove -qq -y dst/managed.bsr-recv
receive_from delta.bsr dst/managed
expect_equal src/e2 "$(newest_generation dst/managed)"

# As a source: itself, and its snapshot.
write_random dst/other 0 64 3
lvcreate -qq -y -s -pr -n later dst/other
for source in dst/other dst/later; do
  lvchange -qq -an dst/other dst/later
  expect_rc 20 send_to stream $source
  [[ $OUTPUT == *external*origin* || $OUTPUT == *'another volume'* ]] || fail "it says: $OUTPUT"
  [[ ! -s stream ]] || fail "something was sent"
done
