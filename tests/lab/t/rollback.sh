#!/bin/bash
# lab: solo disks=96M,96M timeout=240 both-kernels
# A receiver that was written to, or that has newer generations than the stream's base, refuses with 14 and says what both
# sides have. --rollback goes on from the base; what was written stays as a snapshot, newer generations as they are.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 48M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 6M
write_random src/vol 0 2048 1
snapshot src/vol s1
ship src/s1 '--pool dst/pool dst/copy'

diverged() { lvs --noheadings -o lv_name dst | sed -n 's|^ *\(copy\.bsr-diverged-[^ ]*\) *$|dst/\1|p'; }

# next_snapshot NUMBER: 3 MiB that differ from all before.
next_snapshot() {
  write_random src/vol $(($1 * 256)) 3072 "$1"
  snapshot src/vol "s$1"
}

# content: what the receiver has, each volume with its tags and sum. LVM commands are slow here.
content() {
  local lines paths name tags
  lines=$(lvs --noheadings -o lv_name,lv_tags -S 'lv_tags=bsr.target=copy || lv_name=~diverged' dst)
  mapfile -t paths < <(awk '{ print "dst/" $1 }' <<< "$lines")
  lvchange -qq -K -ay "${paths[@]}"
  while read -r name tags; do
    echo "$name $tags $(dd if="/dev/dst/$name" bs=1M iflag=direct status=none | xxhsum -H2)"
  done <<< "$lines"
  lvchange -qq -an "${paths[@]}"
}

# write_to_copy SEED: somebody does; the sum of what is there then in `written`.
write_to_copy() {
  lvchange -qq -K -ay dst/copy.bsr-recv
  write_random dst/copy.bsr-recv 4000 64 "$1"
  lvchange -qq -an dst/copy.bsr-recv
  written=$(sum dst/copy.bsr-recv)
}

# refused ARG...: delta.bsr, with 14 and the words; nothing is changed.
refused() {
  local before word
  before=$(content)
  expect_rc 14 receive_from delta.bsr dst/copy
  for word in --rollback "$@"; do
    [[ $OUTPUT == *"$word"* ]] || fail "'$word' is not in: $OUTPUT"
  done
  expect_same "$before" "$(content)" "what the receiver has"
}

# rolled_back SNAPSHOT: delta.bsr leads there.
rolled_back() {
  expect_same "committed $(uuid "$1")" "$(receive_from delta.bsr --rollback dst/copy)" "the answer"
  expect_equal "$1" "$(newest_generation dst/copy)"
  expect_equal "$1" dst/copy.bsr-recv
}

expect_rc 2 bsr-recv -F dst/copy
[[ $OUTPUT == *--rollback* ]] || fail "the hint: $OUTPUT"

echo "== somebody wrote"
next_snapshot 2
send_to delta.bsr -i src/s1 src/s2
write_to_copy 91
refused "$(newest_generation dst/copy | cut -d/ -f2)"
# Cut and continued: what was written is kept once.
first=$(newest_generation dst/copy)
head -c 2500K delta.bsr > cut.bsr
expect_rc 11 receive_from cut.bsr --rollback dst/copy
send_to rest.bsr -t "$(bsr-recv -t dst/copy)"
(($(stat -c %s rest.bsr) < 2 * 1024 * 1024)) || fail "all is sent again"
expect_same "committed $(uuid src/s2)" "$(receive_from rest.bsr dst/copy)" "the answer"
expect_equal src/s2 "$(newest_generation dst/copy)"
expect_equal src/s1 "$first"
expect_same 1 "$(diverged | wc -l)" "number of diverged snapshots"
expect_same "$written" "$(sum "$(diverged)")" "content of the diverged snapshot"

echo "== newer generations"
next_snapshot 3
ship '-i src/s2 src/s3' dst/copy
next_snapshot 4
send_to delta.bsr -i src/s1 src/s4
refused "$(uuid src/s1)" "$(uuid src/s3)"
before=$(content | grep -v '^copy\.bsr-recv ')
rolled_back src/s4
expect_same "$before" "$(content | grep -v "bsr\.number=4,\|^copy\.bsr-recv ")" "what was there before"
expect_same 4 "$(generations dst/copy | wc -l)" "number of generations"

echo "== from there on"
next_snapshot 5
send_to delta.bsr -i src/s3 src/s5
refused "$(uuid src/s3)" "$(uuid src/s4)"
ship '-i src/s4 src/s5' dst/copy
expect_equal src/s5 "$(newest_generation dst/copy)"

echo "== both, and the newest generation is no base either"
next_snapshot 6
write_to_copy 92
old=$(diverged)
send_to delta.bsr -i src/s2 src/s6
refused
rolled_back src/s6
expect_same 2 "$(diverged | wc -l)" "number of diverged snapshots"
expect_same "$written" "$(sum "$(diverged | grep -vxF "$old")")" "content of the second diverged snapshot"
next_snapshot 7
ship '-i src/s6 src/s7' dst/copy
expect_equal src/s7 "$(newest_generation dst/copy)"

expect_same '' "$(lvs --noheadings -o lv_tags dst | grep -o 'bsr\.applying[^,]*' || true)" "tags"
expect_same '' "$(find /var/lib/bsr -name 'recv:*')" "records"
for volume in dst/copy.bsr-recv $(generations dst/copy) $(diverged); do
  if active "$volume"; then fail "$volume stays active"; fi
done
