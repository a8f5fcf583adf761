#!/bin/bash
# lab: solo disks=128M,128M timeout=240 both-kernels
# E3: the target does not take discards (pool made with --discards ignore, or no thin pool at
# all). thin_recv ignored the error and reported success; what the source had freed kept its old
# content in the copy. Ours: it reads as zeros.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 48M
make_pool dst /dev/vdb pool 64k -L 48M --discards ignore
thin_volume src/pool vol 8M
write_random src/vol 0 8192 1
snapshot src/vol s1
discard src/vol 1024 64
discard src/vol 2048 1024
write_random src/vol 512 64 2
snapshot src/vol s2

ship src/s1 '--pool dst/pool dst/copy'
ship '-i src/s1 src/s2' dst/copy
expect_equal src/s2 "$(newest_generation dst/copy)"

thin_volume dst/pool thin 8M
lvcreate -qq -y -Wn -L 8M -n linear dst
for target in thin linear; do
  base=$(ship src/s1 "/dev/dst/$target")
  ship '-i src/s1 src/s2' "--base $base /dev/dst/$target"
  expect_equal src/s2 "dst/$target"
done
