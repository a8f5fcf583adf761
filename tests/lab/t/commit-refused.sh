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
next_change
generations=$(generations dst/copy)
take_ids() {
  local id
  for id in 4 5 6 7 8 9 10; do dmsetup message dst-pool-tpool 0 "create_thin $id" 2> /dev/null || true; done
}
# LVM leaves the pool's transaction one ahead of the kernel's then, and its own words say what to do: that is no command of ours.
fed take_ids
refused
[[ $OUTPUT == *'File exists'* ]] || fail "LVM's reason is not shown: $OUTPUT"
