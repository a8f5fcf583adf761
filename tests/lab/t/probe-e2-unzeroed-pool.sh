#!/bin/bash
# lab: solo disks=128M,128M timeout=240 both-kernels
# E2, the target's pool does not zero new chunks (lvcreate -Zn) and has been used before: a chunk
# that a write makes and does not fill shows somebody's deleted data in the rest. Larger chunks
# than the source's are not filled, nor those of which only a part is not zero. Ours: the copy is
# equal.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
thin_volume src/pool vol 16M
for kib in 0 320 640 1000 4096 16320; do write_random src/vol $kib 20 1; done
snapshot src/vol s1
for kib in 2048 2432 5000 4200; do write_random src/vol $kib 8 2; done
snapshot src/vol s2

for chunk in 64k 256k; do
  make_pool dst /dev/vdb pool $chunk -L 24M -Zn
  fill_pool dst/pool 0
  write_random dst/filler 0 24576 9
  lvremove -qq -y dst/filler

  ship src/s1 '--pool dst/pool dst/copy'
  expect_equal src/s1 "$(newest_generation dst/copy)"
  ship '-i src/s1 src/s2' dst/copy
  expect_equal src/s2 "$(newest_generation dst/copy)"
  lvremove -qq -y dst
done
