#!/bin/bash
# lab: solo disks=96M,96M programs=killable-bsr-send timeout=300
# Cycles that go another way than planned: snapshots that are gone, or others of the same name, new names on both sides,
# an inactive pool, a stream sent twice, another one in between, two at once. Each is taken, or refused with what to do.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 48M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 4M
write_random src/vol 0 2048 1
snapshot src/vol s1
ship src/s1 '--pool dst/pool dst/copy'


# make_snapshot VOLUME NAME SEED: 3 MiB that differ from all before.
make_snapshot() {
  write_random "$1" $(($3 * 64)) 3072 "$3"
  snapshot "$1" "$2"
}

# said WORD...: all these are in the last message.
said() {
  local word
  for word in "$@"; do [[ $OUTPUT == *"$word"* ]] || fail "'$word' is not in: $OUTPUT"; done
}

# cut_off BASE SNAPSHOT: half of the delta arrives; `token` continues it.
cut_off() {
  send_to delta.bsr -i "$1" "$2"
  head -c 1600K delta.bsr > cut.bsr
  expect_rc 11 receive_from cut.bsr dst/copy
  token=$(bsr-recv -t dst/copy)
  said "bsr-send -t $token"
}

# expect_newest SNAPSHOT NUMBER: it is the newest of so many generations, and nothing waits.
expect_newest() {
  expect_same "$2" "$(generations dst/copy | wc -l)" "number of generations"
  [[ $(lvs --noheadings -o lv_tags "$(newest_generation dst/copy)") == *"bsr.uuid=$(uuid "$1")"* ]]
  expect_equal "$1" "$(newest_generation dst/copy)"
  expect_same '' "$(bsr-recv -t dst/copy)" "a token"
  if metadata_snapshot_held "${1%/*}/pool"; then fail "the metadata snapshot is held"; fi
  if active "$1"; then fail "the snapshot stays active"; fi
}

echo "== the snapshot cannot be removed while the sender has it; when that is killed, it can"
make_snapshot src/vol s2 2
BSR_KILL_POINT=metadata-held killable-bsr-send -i src/s1 src/s2 2> stopped > nothing.bsr &
until grep -q 'at kill point' stopped; do sleep 0.1; done
expect_rc 5 lvremove -y src/s2
kill -9 "$(sed -n 's/.* in process //p' stopped)"
wait $! || true
[[ ! -s nothing.bsr ]]
lvremove -qq -y src/s2
expect_rc 1 send_to delta.bsr -i src/s1 src/s2
said src/s2
[[ ! -s delta.bsr ]]
snapshot src/vol s2
send_to delta.bsr -i src/s1 src/s2
expect_same "committed $(uuid src/s2)" "$(receive_from delta.bsr dst/copy)" "the answer"
expect_newest src/s2 2

echo "== the same snapshot again"
before=$(pool_status dst/pool | cut -d' ' -f1-3 && lvs --noheadings -o lv_name,lv_tags dst)
expect_same "committed $(uuid src/s2)" "$(receive_from delta.bsr dst/copy)" "the answer"
expect_same "$(uuid src/s2)" "$(ship src/s2 dst/copy)" "the answer to all of it"
expect_same "$before" "$(pool_status dst/pool | cut -d' ' -f1-3 && lvs --noheadings -o lv_name,lv_tags dst)" "the receiver"

echo "== two receivers at once"
make_snapshot src/vol s3 3
send_to delta.bsr -i src/s2 src/s3
room=$(free_kib dst/pool)
mkfifo stream
bsr-recv dst/copy < stream > answer &
receiver=$!
exec 3> stream
head -c 2M delta.bsr >&3
until (($(free_kib dst/pool) < room - 512)); do sleep 0.2; done
expect_rc 10 receive_from delta.bsr dst/copy 3>&-
expect_rc 10 bsr-recv -A dst/copy 3>&-
tail -c +$((2 * 1024 * 1024 + 1)) delta.bsr >&3
exec 3>&-
wait $receiver
expect_same "committed $(uuid src/s3)" "$(< answer)" "the first one's answer"
expect_newest src/s3 3

echo "== another stream while one waits"
make_snapshot src/vol s4 4
cut_off src/s3 src/s4
make_snapshot src/vol s5 5
send_to delta.bsr -i src/s3 src/s5
expect_rc 13 receive_from delta.bsr dst/copy
said "bsr-send -t $token" 'bsr-recv -A dst/copy'
expect_same "$token" "$(bsr-recv -t dst/copy)" "the token"
bsr-recv -A dst/copy
expect_same '' "$(bsr-recv -t dst/copy)" "a token after -A"
bsr-recv -A dst/copy
receive_from delta.bsr dst/copy
expect_newest src/s5 4

echo "== the snapshot is removed before its transfer is continued"
make_snapshot src/vol s6 6
gone=$(uuid src/s6)
cut_off src/s5 src/s6
lvremove -qq -y src/s6
expect_rc 13 send_to rest.bsr -t "$token"
said "$gone" 'bsr-recv -A'
[[ ! -s rest.bsr ]]
bsr-recv -A dst/copy

echo "== other names for volume, snapshot and group, also in the middle of a transfer"
lvrename -qq src vol data
lvrename -qq src s5 monday
vgrename -qq src origin
make_snapshot origin/data tuesday 7
cut_off origin/monday origin/tuesday
lvrename -qq origin monday before
lvrename -qq origin tuesday evening
vgrename -qq origin src
send_to rest.bsr -t "$token"
receive_from rest.bsr dst/copy
expect_newest src/evening 5

echo "== another name for the receiver's generation, an inactive pool of the source"
lvrename -qq dst "$(newest_generation dst/copy | cut -d/ -f2)" kept
make_snapshot src/data s8 8
vgchange -qq -an src
ship '-i src/evening src/s8' dst/copy
for volume in src/data src/s8 src/evening src/pool; do
  if active $volume; then fail "$volume is active"; fi
done
vgchange -qq -ay src
expect_newest src/s8 6
expect_equal src/evening dst/kept

echo "== another snapshot has the name of the base"
lvremove -qq -y src/s8
make_snapshot src/data s8 9
make_snapshot src/data s9 10
send_to delta.bsr -i src/s8 src/s9
expect_rc 13 receive_from delta.bsr dst/copy
said "$(uuid src/s8)"
expect_same 6 "$(generations dst/copy | wc -l)" "number of generations"
# An older one that both have is a base all the same.
ship '-i src/evening src/s9' '--rollback dst/copy'
expect_newest src/s9 7

echo "== the base is removed"
make_snapshot src/data s10 11
cut_off src/s9 src/s10
gone=$(uuid src/s9)
lvremove -qq -y src/s9
expect_rc 13 send_to rest.bsr -t "$token"
said "$gone"
expect_rc 1 send_to delta.bsr -i src/s9 src/s10
said src/s9
bsr-recv -A dst/copy
expect_same '' "$(lvs --noheadings -o lv_tags dst | grep -o 'bsr\.applying[^,]*' || true)" "tags"
expect_same '' "$(find /var/lib/bsr -name 'recv:*')" "records"
expect_same '' "$(lvs --noheadings -o lv_name -S 'lv_active=active && lv_name!=pool' dst)" "active volumes"
