#!/bin/bash
# lab: solo disks=128M,128M timeout=300
# E9: the target has another size. thin_recv died half way through a smaller one, with half of the
# data applied, and took a larger one. Ours: a plain target of the wrong size is refused with 13
# before anything is written; a generation always has the size of its snapshot, whether the volume
# grew, shrank, or grew again over what had been cut off.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 8M
write_random src/vol 0 8192 1
snapshot src/vol s1
send_to full.bsr src/s1

thin_volume dst/pool smaller 4M
thin_volume dst/pool larger 12M
truncate -s 4M file
for target in /dev/dst/smaller /dev/dst/larger "$PWD/file"; do
  write_random "$target" 0 1024 7
  before=$(sum "$target")
  expect_rc 13 receive_from full.bsr "$target"
  expect_same "$before" "$(sum "$target")" "$target"
done

ship src/s1 '--pool dst/pool dst/copy'
# next_size SIZE SNAPSHOT: the source gets another size, and something new in it.
previous=s1
next_size() {
  lvresize -qq -y -f -L "$1" src/vol
  write_random src/vol 100 100 "${2#s}"
  snapshot src/vol "$2"
  ship "-i src/$previous src/$2" dst/copy
  expect_same "$(lvs --noheadings --units b -o lv_size "src/$2")" \
    "$(lvs --noheadings --units b -o lv_size "$(newest_generation dst/copy)")" "size"
  expect_equal "src/$2" "$(newest_generation dst/copy)"
  previous=$2
}
next_size 12M s2
next_size 4M s3
next_size 8M s4
