#!/bin/bash
# lab: solo disks=160M,160M both-kernels
# A device remembers in which state its base came, under each of its names: one that was trimmed on the sending side since, and of which
# a new snapshot was taken, is refused. Another device of the name remembers nothing.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 8M
write_random src/vol 0 8192 1
snapshot src/vol s1
thin_volume dst/pool plain 8M
base=$(uuid src/s1)
bsr-send src/s1 | bsr-recv /dev/dst/plain

echo "== it stood still"
write_random src/vol 1000 100 2
snapshot src/vol s2
bsr-send -i src/s1 src/s2 | bsr-recv --base "$base" /dev/dst/plain 2> said
expect_same '' "$(grep 'not known' said || true)" "what it says"
expect_equal src/s2 dst/plain

echo "== trimmed, and a snapshot of that"
lvchange -qq -ay -K src/s2
blkdiscard -o 2M -l 1M /dev/src/s2
lvcreate -qq -s -n s3 src/s2
lvchange -qq -an src/s2
before=$(sum dst/plain)
expect_rc 14 sh -c "bsr-send -i src/s2 src/s3 | bsr-recv --base $(uuid src/s2) $(readlink -f /dev/dst/plain)"
[[ $OUTPUT == *'trimmed'*'bsr-recv --digests /dev/'*'bsr-send --against'* ]] || fail "says: $OUTPUT"
expect_same "$before" "$(sum dst/plain)" "the target"

echo "== against its digests"
bsr-recv --digests /dev/dst/plain > map
bsr-send --against map src/s3 | bsr-recv /dev/dst/plain
expect_equal src/s3 dst/plain

echo "== another of the name"
lvremove -qq -y dst/plain
thin_volume dst/pool plain 8M
bsr-send src/s1 | bsr-recv /dev/dst/plain
lvchange -qq -ay -K src/s1
write_random src/s1 0 64 5
bsr-send src/s1 | bsr-recv /dev/dst/plain
lvremove -qq -y dst/plain
thin_volume dst/pool plain 8M
dd if=/dev/src/s1 of=/dev/dst/plain bs=1M conv=fsync status=none
snapshot src/s1 s4
bsr-send -i src/s1 src/s4 | bsr-recv --base "$base" /dev/dst/plain 2> said
grep -q 'stood still on the sending side since it came here is not known' said || fail "says: $(< said)"
expect_equal src/s4 dst/plain
