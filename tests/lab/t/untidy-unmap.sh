#!/bin/bash
# lab: solo disks=160M,160M timeout=120 both-kernels
# Everything is unmapped at once, a volume shrinks and grows again, and a resync finds nothing where something was:
# in an unzeroed pool of 448 KiB chunks that ignores discards, or answers them and unmaps nothing.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 96M
make_pool dst /dev/vdb pool 448k -L 64M -Zn --discards nopassdown
thin_volume dst/pool old 63M
write_random dst/old 0 64512 99
lvremove -qq -y dst/old
thin_volume src/pool vol 8M
write_random src/vol 0 8192 1
snapshot src/vol s1
ship src/s1 '--pool dst/pool dst/copy' > /dev/null
expect_equal src/s1 "$(newest_generation dst/copy)"

discard src/vol 448 5376
write_random src/vol 3000 1 2
snapshot src/vol s2
ship '-i src/s1 src/s2' dst/copy > /dev/null
expect_equal src/s2 "$(newest_generation dst/copy)"

lvreduce -qq -f -y -L 4M src/vol 2> /dev/null
lvextend -qq -L 8M src/vol 2> /dev/null
discard src/vol 0 8192
write_random src/vol 6000 1 3
snapshot src/vol s3
ship '-i src/s2 src/s3' dst/copy > /dev/null
expect_equal src/s3 "$(newest_generation dst/copy)"

write_random src/vol 0 8192 4
snapshot src/vol s4
ship '-i src/s3 src/s4' dst/copy > /dev/null
discard src/vol 0 7000
snapshot src/vol s5
bsr-recv --digests dst/copy > map
ship '--against map src/s5' dst/copy > /dev/null
expect_equal src/s5 "$(newest_generation dst/copy)"
