#!/bin/bash
# lab: solo disks=160M,160M timeout=300
# The content root on real LVM: a chain of deltas of which each is compared as a whole. Maps of the base are kept and used
# on both sides, so that only what changed is read; they go with their volumes. What was damaged behind our back is found.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 96M
make_pool dst /dev/vdb pool 128k -L 96M
thin_volume src/pool vol 24M

maps=/var/lib/bsr/content
map_of() { echo "$maps/$(uuid "$1")"; }
# root VOLUME [BYTES]: by reading all of it
root() {
  lvchange -qq -K -ay "$1"
  bsr-stream digest "/dev/$1"
  lvchange -qq -an "$1"
}
# figure FILE: MiB read for the root
figure() { sed -nE 's/.*content root [0-9a-f]{64}, read ([0-9.]+ [MK]?i?B) for it.*/\1/p' "$1"; }
# transfer SENT RECEIVED SEND_ARG...: what each side must have read
transfer() {
  bsr-send -v --content-digest "${@:3}" 2> send.err | bsr-recv -v --ack --pool dst/pool dst/copy 2> recv.err > said
  expect_same "committed $(uuid "${!#}") $(root "${!#}")" "$(tail -n 1 said)" "answer"
  expect_same "$1" "$(figure send.err)" "read by bsr-send"
  expect_same "$2" "$(figure recv.err)" "read by bsr-recv"
  expect_equal "${!#}" "$(newest_generation dst/copy)"
}

write_random src/vol 0 5120 1
write_random src/vol 16384 1024 2
snapshot src/vol s1
transfer '0 B' '0 B' src/s1 # whole MiBs are not read once more
[[ -f $(echo "$(map_of src/s1)"@*) && -f $(map_of "$(newest_generation dst/copy)") ]] || fail "maps: $(ls $maps)"

# One MiB each time; what is unmapped, zeroed or grows is compared too.
write_random src/vol 1100 64 3
snapshot src/vol s2
transfer '1.0 MiB' '1.0 MiB' -i src/s1 src/s2
discard src/vol 16384 1024
write_zero src/vol 2048 512
snapshot src/vol s3
transfer '1.0 MiB' '1.0 MiB' -i src/s2 src/s3
lvextend -qq -L +4M src/vol
write_random src/vol 27000 100 4
snapshot src/vol s4
transfer '1.0 MiB' '1.0 MiB' -i src/s3 src/s4 # of its leaf only what was written was read back
lvreduce -qq -y -L 20M src/vol
snapshot src/vol s5
transfer '0 B' '0 B' -i src/s4 src/s5

# Without maps, what is mapped is read; maps of volumes that are gone are removed.
rm $maps/*
write_random src/vol 8192 64 5
snapshot src/vol s6
transfer '6.0 MiB' '6.0 MiB' -i src/s5 src/s6
gone=$(map_of src/s6)
write_random src/vol 8192 64 6
snapshot src/vol s7
transfer '1.0 MiB' '1.0 MiB' -i src/s6 src/s7
lvremove -qq -y src/s6
expect_same 4 "$(find $maps -type f | wc -l)" "number of maps"
write_random src/vol 8192 64 7
snapshot src/vol s8
transfer '1.0 MiB' '1.0 MiB' -i src/s7 src/s8
[[ ! -e $gone ]] || fail "the map of s6 is still there"
expect_same 5 "$(find $maps -type f | wc -l)" "number of maps"

# A transfer that was interrupted, and continued on the way.
write_random src/vol 4096 4096 8
snapshot src/vol s9
send_to whole --content-digest -i src/s8 src/s9
head -c 3000000 whole > part
expect_rc 11 receive_from part dst/copy
bsr-send --content-digest -t "$(bsr-recv -t dst/copy)" | bsr-recv -v --ack dst/copy 2> recv.err > said
expect_same "committed $(uuid src/s9) $(root src/s9)" "$(tail -n 1 said)" "answer"
expect_same '0 B' "$(figure recv.err)" "read by bsr-recv"

# A byte of the target is another, on the disk: found when something is received beside it. Nothing is committed, nothing
# waits to be continued.
printf 'here is the byte' | dd of=/dev/src/vol bs=512 seek=20000 conv=notrunc,fsync status=none
snapshot src/vol s10
transfer '1.0 MiB' '1.0 MiB' -i src/s9 src/s10
at=$(grep -obUaF 'here is the byte' /dev/vdb | head -n 1 | cut -d: -f1)
printf 'H' | dd of=/dev/vdb bs=1 seek="$at" conv=notrunc,fsync status=none
before=$(generations dst/copy)

# Elsewhere only reading everything finds it: the map of the generation that stays knows what it held.
write_random src/vol 1100 4 9
snapshot src/vol elsewhere
send_to change --content-digest -i src/s10 src/elsewhere
expect_rc 18 receive_from change --ack --verify all dst/copy
[[ $OUTPUT == *"content root of snapshot $(uuid src/elsewhere) is $(root src/elsewhere)"* ]] || fail "said: $OUTPUT"
expect_same "$before" "$(generations dst/copy)" "generations"
lvremove -qq -y src/elsewhere

write_random src/vol 10100 4 9
snapshot src/vol s11
send_to change --content-digest -i src/s10 src/s11
expect_rc 18 receive_from change --ack dst/copy
[[ $OUTPUT == *"content root of snapshot $(uuid src/s11) is $(root src/s11)"* ]] || fail "said: $OUTPUT"
expect_same "$before" "$(generations dst/copy)" "generations"
expect_same '' "$(bsr-recv -t dst/copy)" "token"
if lvs dst/copy.bsr-recv &> /dev/null; then fail "the working copy is still there"; fi
if metadata_snapshot_held dst/pool; then fail "the metadata snapshot is still held"; fi

# The chain is repaired by what differs, without a common base, and goes on. Reading all of it finds the damage before.
expect_rc 0 bsr-recv --digests dst/copy
[[ $OUTPUT == *"$(newest_generation dst/copy | cut -d/ -f2) is damaged: its content root is"* ]] || fail "said: $OUTPUT"
bsr-recv --digests dst/copy > map 2> err
[[ ! -s err ]] || fail "said again: $(< err)"  # it is known now, and so it is not believed any more
send_to change --content-digest -i src/s10 src/s11
expect_rc 18 receive_from change --ack dst/copy
send_to repair --compress none --against map src/s10
(($(stat -c %s repair) < 1100000)) || fail "$(stat -c %s repair) bytes are shipped for one that differs"
damaged=$(newest_generation dst/copy)
receive_from repair --ack dst/copy > said
expect_same "committed $(uuid src/s10) $(root src/s10)" "$(tail -n 1 said)" "answer"
[[ $(newest_generation dst/copy) != "$damaged" ]] || fail "no new generation"
expect_equal src/s10 "$(newest_generation dst/copy)"
receive_from change --ack dst/copy > said
expect_same "committed $(uuid src/s11) $(root src/s11)" "$(tail -n 1 said)" "answer"
expect_equal src/s11 "$(newest_generation dst/copy)"

# Repeated, with new digests, it is acknowledged and makes nothing; with the old ones it is refused.
before=$(generations dst/copy)
expect_rc 13 receive_from repair dst/copy
bsr-recv --digests dst/copy > map
bsr-send --against map src/s11 | bsr-recv dst/copy
expect_same "$before" "$(generations dst/copy)" "generations"

# What was committed and comes again is read when everything is.
blockdev --flushbufs /dev/vdb # what was read of it before
mapfile -t places < <(grep -obUaF 'here is the byte' /dev/vdb | cut -d: -f1)
for at in "${places[@]}"; do
  printf 'H' | dd of=/dev/vdb bs=1 seek="$at" conv=notrunc,fsync status=none
done
expect_rc 0 receive_from change dst/copy
expect_rc 18 receive_from change --verify all dst/copy
[[ $OUTPUT == *"nothing was changed"* ]] || fail "said: $OUTPUT"
