#!/bin/bash
# lab: solo disks=96M,96M,96M,96M timeout=600 both-kernels
# vgimportclone keeps the UUIDs of volumes and pools: base and snapshot from two groups are no change, and a token whose
# snapshot is there twice continues nothing until somebody says which one is meant.
set -euo pipefail
. /lab/lib.sh
make_pool src /dev/vda pool 64k -L 48M
make_pool dst /dev/vdd pool 64k -L 64M
thin_volume src/pool vol 4M
write_random src/vol 0 2048 1
snapshot src/vol s1
write_random src/vol 100 200 2
snapshot src/vol s2
vgchange -qq -an src
dd if=/dev/vda of=/dev/vdc bs=1M status=none
vgimportclone -qq -n src2 /dev/vdc
expect_same "$(uuid src/s2)" "$(uuid src2/s2)" "UUID of the clone"

for pair in 'src/s1 src2/s2' 'src2/s1 src/s2'; do
  # shellcheck disable=SC2086  # words on purpose
  expect_rc 13 bsr-send -n -P -i $pair
  [[ $OUTPUT == *'only snapshots of one pool can be compared'* ]] || fail "$OUTPUT"
done

send_to full --compress none src/s1
head -c 600K full > 'cut'
expect_rc 11 receive_from cut --pool dst/pool dst/copy
token=$(bsr-recv -t dst/copy)
expect_rc 13 bsr-send -t "$token"
[[ $OUTPUT == *src/s1*src2/s1* || $OUTPUT == *src2/s1*src/s1* ]] || fail "$OUTPUT"
bsr-send -t "$token" src/s1 > rest
expect_rc 0 receive_from rest dst/copy
expect_equal src/s1 "$(newest_generation dst/copy)"

# In the clone itself all is as in the original, and so is a change from it.
ship '-i src2/s1 src2/s2' dst/copy
expect_equal src/s2 "$(newest_generation dst/copy)"
