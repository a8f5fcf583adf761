#!/bin/bash
# lab: solo disks=160M,160M timeout=400 both-kernels
# LVM refuses the snapshot that would be the generation, after everything came: the half stays recorded, the target is named, and the
# command that is printed commits it once LVM can, sending hardly anything again. No volume is left that passes for the generation.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 12M
write_random src/vol 0 8192 1
snapshot src/vol s1
thin_volume dst/pool other 4M
lvchange -qq -an dst/other
ship src/s1 '--pool dst/pool dst/copy'

number=1
next_change() {
  number=$((number + 1))
  write_random src/vol $((number * 500)) 2048 "$number"
  snapshot src/vol "s$number"
  send_to change.bsr --compress none --patch never -i "src/s$((number - 1))" "src/s$number"
}
threshold() { sed -i "s/thin_pool_autoextend_threshold = .*/thin_pool_autoextend_threshold = $1/" /etc/lvm/lvm.conf; }
volumes() { lvs --noheadings -o lv_name,lv_tags dst | sed 's/ *$//'; }

# fed ACTION...: bsr-recv has a working copy and waits for the end of the stream; the action; then the end. Its status in $status, its words in
# $OUTPUT.
fed() {
  local pid
  rm -f pipe
  mkfifo pipe
  bsr-recv dst/copy < pipe > said 2>&1 &
  pid=$!
  exec 5> pipe
  head -c -300 change.bsr >&5
  until lvs dst/copy.bsr-recv &> /dev/null && [[ $(lvs --noheadings -o lv_tags dst/copy.bsr-recv) == *applying* ]]; do sleep 0.2; done
  "$@"
  tail -c 300 change.bsr >&5
  exec 5>&-
  status=0
  wait $pid || status=$?
  OUTPUT=$(< said)
  echo "says: ${OUTPUT//bsr1.*|/TOKEN |}"
}
# refused: something waits, and nothing new passes for a generation.
refused() {
  ((status == 1)) || fail "status $status: $OUTPUT"
  [[ $OUTPUT == 'bsr-recv: dst/copy: '* ]] || fail "the target is not named: $OUTPUT"
  expect_same "$generations" "$(generations dst/copy)" "generations"
  [[ -n $(bsr-recv -t dst/copy) ]] || fail "nothing waits"
  if active dst/copy.bsr-recv; then fail "the working copy stays active"; fi
}
# goes_on: with the command that was printed.
goes_on() {
  grep -x ' *bsr-send -t bsr1\..*| bsr-recv .*dst/copy' <<< "$OUTPUT" | sed 's/ | / | tee rest.bsr | /' > continue.sh
  expect_same "committed $(uuid "src/s$number")" "$(sh continue.sh)" "the answer"
  (($(stat -c %s rest.bsr) < 1000000)) || fail "$(stat -c %s rest.bsr) bytes are sent again"
  expect_equal "src/s$number" "$(newest_generation dst/copy)"
  expect_same '' "$(volumes | grep -o 'bsr\.applying[^,]*' || true)" "tags"
  expect_same '' "$(find /var/lib/bsr -name 'recv:*')" "records"
}

echo "== a pool above the threshold at which LVM would extend it"
next_change
generations=$(generations dst/copy)
fed threshold 10
refused
threshold 100
goes_on

echo "== the working copy is written to while it waits"
next_change
generations=$(generations dst/copy)
fed threshold 10
refused
threshold 100
lvchange -qq -ay -K dst/copy.bsr-recv
write_random dst/copy.bsr-recv $((number * 500 + 100)) 4 99
lvchange -qq -an dst/copy.bsr-recv
grep -x ' *bsr-send -t bsr1\..*| bsr-recv .*dst/copy' <<< "$OUTPUT" > continue.sh
expect_rc 14 sh continue.sh
[[ $OUTPUT == *'not there any more'* ]] || fail "says: $OUTPUT"
grep -x ' *bsr-recv -A dst/copy' <<< "$OUTPUT" > drop.sh
sh drop.sh
expect_same "committed $(uuid "src/s$number")" "$(receive_from change.bsr dst/copy)" "the answer"
expect_equal "src/s$number" "$(newest_generation dst/copy)"

echo "== an id that is taken"
# strangers: thin devices of the pool that LVM does not know.
strangers() {
  hold_metadata_snapshot dst/pool
  thin_dump -m /dev/mapper/dst-pool_tmeta | sed -n 's/.*<device dev_id="\([0-9]*\)".*/\1/p' > ids
  release_metadata_snapshot dst/pool
  lvs --noheadings -o thin_id dst | sed -n 's/ //g; /./p' > known
  grep -vxF -f known ids || true
}
# queued: the thin devices that LVM has yet to delete.
queued() {
  vgcfgbackup -qq -f backup dst > /dev/null
  sed -n 's/.*delete = //p' backup
}
next_id() { echo $(($(lvs --noheadings -o thin_id dst | sort -n | tail -n 1) + 1)); }
take_ids() {
  local id next
  next=$(next_id)
  for ((id = next; id < next + 3; id++)); do dmsetup message dst-pool-tpool 0 "create_thin $id"; done
}
# goes_on_when_free: the command that was printed is refused and says what is in the way; with that advice followed it works.
goes_on_when_free() {
  local delete said
  grep -x ' *bsr-send -t bsr1\..*| bsr-recv .*dst/copy' <<< "$OUTPUT" > continue.sh
  said=$OUTPUT
  expect_rc 1 sh continue.sh
  delete=$(sed -n 's/.*delete it (\(dmsetup [^)]*\)).*/\1/p' <<< "$OUTPUT")
  [[ $delete ]] || fail "no advice: $OUTPUT"
  bash -c "$delete"
  OUTPUT=$said
  goes_on
}
next_change
generations=$(generations dst/copy)
fed take_ids
refused
[[ $OUTPUT == *'File exists'* ]] || fail "LVM's reason is not shown: $OUTPUT"
# What has the number may be somebody's: nothing was deleted, and nothing is going to be.
((3 == $(strangers | wc -l))) || fail "thin devices that LVM does not know: $(strangers)"
expect_same '' "$(queued)" "what LVM has yet to delete"
goes_on_when_free

echo "== LVM's own snapshot failed meanwhile, of an inactive volume: it is one transaction ahead, and has yet to delete what has the number"
for id in $(strangers); do dmsetup message dst-pool-tpool 0 "delete $id"; done
next_change
generations=$(generations dst/copy)
fed threshold 10
refused
threshold 100
said=$OUTPUT
dmsetup message dst-pool-tpool 0 "create_thin $(next_id)"
expect_rc 5 lvcreate -y -s -n another dst/other
OUTPUT=$said
expect_same "$(next_id)" "$(queued)" "what LVM has yet to delete"
goes_on_when_free
expect_same "$(pool_status dst/pool | cut -d' ' -f1)" "$(lvs --noheadings -o transaction_id dst/pool | tr -d ' ')" "the transaction"
