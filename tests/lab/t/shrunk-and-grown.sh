#!/bin/bash
# lab: solo disks=128M,192M timeout=400
# A volume shrinks and grows again, in sizes that are no whole PEs of the receiver. What lies behind the smaller end is given
# back to the pool there, and what is left of it in the last PE reads as zeros. Where the pool ignores discards it stays
# mapped, and must not come up again when the volume grows; what is not mapped costs nothing then.
set -euo pipefail
. /lab/lib.sh

vgcreate -qq -s 512k src /dev/vda
make_pool src /dev/vda pool 64k -L 96M
make_pool dst /dev/vdb pool 64k -L 64M
make_pool dst /dev/vdb keeps 64k -L 64M --discards ignore
thin_volume src/pool vol 12M
write_random src/vol 0 12288 1
snapshot src/vol s1
echo "== shrunk, and what lies behind the new end is unmapped at the source"
discard src/vol 4608 7680
lvresize -qq -y -f -L 4608k src/vol
write_random src/vol 64 64 2
snapshot src/vol s2
echo "== grown, with a little in what is new"
lvresize -qq -y -L 11776k src/vol
write_random src/vol 8192 4 3
snapshot src/vol s3
lvresize -qq -y -f -L 20M src/vol # as large as no generation was
snapshot src/vol s4

# tag GENERATION NAME: the value of one of its tags.
tag() { lvs --noheadings -o lv_tags "$1" | sed -nE "s/.*bsr\\.$2=([^,]*).*/\\1/p"; }
rest() { # VOLUME FROM_KIB: of what lies behind its end, how much is not zero
  lvchange -qq -ay -K "$1"
  dd if="/dev/$1" bs=512 skip=$(($2 * 2)) status=none | tr -d '\0' | wc -c
  lvchange -qq -an "$1"
}
for pool in pool keeps; do
  copy=dst/in-$pool
  ship src/s1 "--pool dst/$pool $copy"
  ship '-i src/s1 src/s2' $copy
  small=$(newest_generation $copy)
  expect_equal src/s2 "$small" 4718592
  expect_same 8388608 "$(lvs --noheadings --nosuffix --units b -o lv_size "$small" | tr -d ' ')" "size of the volume"
  expect_same 0 "$(rest "$small" 4608)" "bytes behind the end of $small"
  if [[ $pool == pool ]]; then expect_same 72 "$(tag "$small" mapped)" "chunks that $small maps"; fi
  ship '-i src/s2 src/s3' $copy
  expect_equal src/s3 "$(newest_generation $copy)" 12058624
  ship '-i src/s3 src/s4' $copy
  expect_equal src/s4 "$(newest_generation $copy)" 20971520
done
expect_same 73 "$(tag "$(newest_generation dst/in-pool)" mapped)" "chunks that are mapped in the end"
[[ $(tag "$(newest_generation dst/in-keeps)" mapped) -gt 150 ]] || fail "the pool that ignores discards kept nothing"
