#!/bin/bash
# lab: solo disks=160M,160M timeout=300 both-kernels
# A plain device that was left half written is known by what it is: under each of its names nothing is received into it but what continues or replaces
# all of it; another device of its name is another. What was restored since is not continued.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 8M
write_random src/vol 0 8192 1
snapshot src/vol s1
write_random src/vol 1000 6000 2
snapshot src/vol s2
write_random src/vol 7000 64 3
snapshot src/vol s3
send_to full.bsr src/s1
send_to change.bsr --compress none --patch never -i src/s1 src/s2
send_to other.bsr --patch never -i src/s1 src/s3
head -c 3000K change.bsr > cut.bsr
base=$(uuid src/s1)
command() { grep -x ' *bsr-send -t bsr1\..*| bsr-recv .*' <<< "$OUTPUT"; }

thin_volume dst/pool plain 8M
receive_from full.bsr /dev/dst/plain
interrupt() { expect_rc 11 receive_from cut.bsr --base "$base" "$1"; }
real=$(readlink -f /dev/dst/plain)
mknod /tmp/node b $((0x$(stat -c %t "$real"))) $((0x$(stat -c %T "$real")))

echo "== names"
interrupt /dev/dst/plain
command > continue.sh
token=$(bsr-recv -t /dev/dst/plain)
for name in /dev/mapper/dst-plain "$real" /tmp/node; do
  expect_same "$token" "$(bsr-recv -t "$name")" "token of $name"
  expect_rc 13 receive_from other.bsr --base "$base" "$name"
done
lvrename -qq dst plain renamed
expect_same "$token" "$(bsr-recv -t /dev/dst/renamed)" "token after a new name"
lvrename -qq dst renamed plain
sed -i 's|/dev/dst/plain|/dev/mapper/dst-plain|' continue.sh
expect_same "committed $(uuid src/s2)" "$(sh continue.sh)" "the answer"
expect_equal src/s2 dst/plain
expect_same '' "$(find /var/lib/bsr -name 'recv:*')" "records"

echo "== dropped, it is still half"
receive_from full.bsr /dev/dst/plain
interrupt /tmp/node
bsr-recv -A /dev/dst/plain
expect_rc 13 receive_from other.bsr --base "$base" /dev/mapper/dst-plain
[[ $OUTPUT == *'was interrupted'* ]] || fail "says: $OUTPUT"
expect_rc 13 receive_from other.bsr --base "$base" /tmp/node
receive_from full.bsr /tmp/node
expect_same "committed $(uuid src/s3)" "$(receive_from other.bsr --base "$base" /dev/dst/plain)" "the answer"
expect_equal src/s3 dst/plain

echo "== restored"
receive_from full.bsr /dev/dst/plain
interrupt /dev/dst/plain
command > continue.sh
lvchange -qq -ay -K src/s1
dd if=/dev/src/s1 of=/dev/dst/plain bs=1M conv=fsync status=none
lvchange -qq -an src/s1
expect_rc 14 sh continue.sh
[[ $OUTPUT == *'not there any more'* ]] || fail "says: $OUTPUT"
expect_equal src/s1 dst/plain
grep -x ' *bsr-recv -A .*' <<< "$OUTPUT" > drop.sh
sh drop.sh
bsr-recv --digests /dev/dst/plain > map
bsr-send --against map src/s3 | bsr-recv /dev/dst/plain
expect_equal src/s3 dst/plain

echo "== another of the name"
receive_from full.bsr /dev/dst/plain
interrupt /dev/dst/plain
command > continue.sh
lvremove -qq -y dst/plain
thin_volume dst/pool plain 8M
expect_rc 13 sh continue.sh
[[ $OUTPUT == *'none waits here'* ]] || fail "says: $OUTPUT"
receive_from full.bsr /dev/dst/plain
expect_same "committed $(uuid src/s3)" "$(receive_from other.bsr --base "$base" /dev/dst/plain)" "the answer"
expect_equal src/s3 dst/plain
