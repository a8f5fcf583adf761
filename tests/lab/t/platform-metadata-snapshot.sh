#!/bin/bash
# lab: solo disks=256M timeout=400 programs=platform-probe
# platform/thin_pool on a real pool: the metadata snapshot is ours, or left alone, or released when a
# process of ours died with it, wherever it died.
set -euo pipefail
. /lab/lib.sh
POOL=vg0/pool

# The pool is on a device whose writes can be made slow.
SECTORS=$(blockdev --getsz /dev/vda)
modprobe dm_delay
dmsetup create slow --table "0 $SECTORS linear /dev/vda 0"
lab-lvm-hide '^/dev/vda'
make_pool vg0 /dev/mapper/slow pool 64k -L 100M
thin_volume $POOL vol 16M
write_random vg0/vol 0 256 1
# write_delay MILLISECONDS
write_delay() {
  dmsetup suspend slow
  dmsetup load slow --table "0 $SECTORS delay /dev/vda 0 0 /dev/vda 0 $1"
  dmsetup resume slow
}

held_block() { pool_status $POOL | cut -d' ' -f4; }
RECORD=/var/lib/bsr/$(lvs --noheadings -o lv_uuid $POOL | tr -d ' ')

# start_holding SECONDS: a process that has the metadata snapshot, in $HOLDER, once it has.
start_holding() {
  platform-probe hold $POOL "$1" 60 > holding &
  HOLDER=$!
  until grep -q ^held holding; do sleep 0.02; done
}
# killed: the holder ends by SIGKILL.
killed() {
  kill -KILL "$HOLDER" 2> /dev/null || true
  wait "$HOLDER" 2> /dev/null || true
}

echo "== reserved, noted, released"
start_holding 6
metadata_snapshot_held $POOL
expect_same "held $(held_block) leftover=0" "$(grep ^held holding)" "what it says"
grep -q "^held  *$(held_block)$" "$RECORD"
wait $HOLDER
expect_same released "$(tail -n 1 holding)" "its end"
expect_same - "$(held_block)" "metadata snapshot"
[[ ! -e $RECORD ]] || fail "the record stays"

echo "== released also at the end by a signal"
for signal in TERM INT HUP; do
  start_holding 60
  kill -$signal $HOLDER
  wait $HOLDER && fail "it ended well"
  expect_same - "$(held_block)" "metadata snapshot after SIG$signal"
done

echo "== killed while it is held: the next start releases and goes on"
start_holding 60
killed
metadata_snapshot_held $POOL
expect_rc 0 platform-probe hold $POOL 0 5
[[ $OUTPUT == *leftover=1* ]] || fail "said: $OUTPUT"
expect_same - "$(held_block)" "metadata snapshot"

echo "== so it does after a reboot"
start_holding 60
killed
sed -i 's/^boot .*/boot 01234567-89ab-cdef-0123-456789abcdef/' "$RECORD"
rm -r /run/bsr
expect_rc 0 platform-probe hold $POOL 0 5
[[ $OUTPUT == *leftover=1* ]] || fail "said: $OUTPUT"

echo "== but not while somebody reads it"
start_holding 60
killed
exec 7< /dev/mapper/vg0-pool_tmeta
expect_rc 10 platform-probe hold $POOL 0 1
metadata_snapshot_held $POOL
exec 7<&-
expect_rc 0 platform-probe hold $POOL 0 5

echo "== killed inside the reserving call: an intent, and after a while it is released"
write_delay 2000
platform-probe hold $POOL 60 60 > holding &
HOLDER=$!
until [[ -e $RECORD ]]; do sleep 0.02; done
sleep 0.3
killed
write_delay 0
cat "$RECORD"
grep -q '^held  *-$' "$RECORD"
metadata_snapshot_held $POOL
expect_rc 10 platform-probe hold $POOL 0 1
expect_rc 0 platform-probe hold $POOL 0 20
[[ $OUTPUT == *leftover=1* ]] || fail "said: $OUTPUT"
expect_same - "$(held_block)" "metadata snapshot"

echo "== killed anywhere on the way: never stuck"
intents=0 notes=0
for i in 0 1 2 3; do
  write_delay 20
  platform-probe hold $POOL 0 30 > holding 2>&1 &
  HOLDER=$!
  until grep -q ^taking holding; do :; done
  sleep "0.$(printf '%03d' $((i * 80)))"
  killed
  write_delay 0
  if metadata_snapshot_held $POOL; then
    if grep -q '^held  *-$' "$RECORD"; then intents=$((intents + 1)); else notes=$((notes + 1)); fi
  fi
  expect_rc 0 platform-probe hold $POOL 0 30
  expect_same - "$(held_block)" "metadata snapshot"
done
echo "left behind with an intent $intents times, with a note $notes times"

echo "== somebody else's is waited for"
hold_metadata_snapshot $POOL
platform-probe hold $POOL 0 30 > holding &
HOLDER=$!
until grep -q ^taking holding; do sleep 0.02; done
sleep 1
if grep -q ^held holding; then fail "it did not wait"; fi
release_metadata_snapshot $POOL
wait $HOLDER
expect_same - "$(held_block)" "metadata snapshot"

echo "== and never touched"
hold_metadata_snapshot $POOL
block=$(held_block)
expect_rc 10 platform-probe hold $POOL 0 1
[[ $OUTPUT == *"dmsetup message vg0-pool-tpool 0 release_metadata_snap"* ]] || fail "said: $OUTPUT"
platform-probe hold $POOL 0 30 > holding 2>&1 &
HOLDER=$!
until grep -q ^taking holding; do sleep 0.02; done
sleep 0.3
kill -TERM $HOLDER
wait $HOLDER && fail "it ended well"
expect_same "$block" "$(held_block)" "somebody else's metadata snapshot"
release_metadata_snapshot $POOL

echo "== one that is taken away is noticed"
start_holding 6
release_metadata_snapshot $POOL
hold_metadata_snapshot $POOL
if wait $HOLDER; then fail "it ended well"; fi
metadata_snapshot_held $POOL
release_metadata_snapshot $POOL

echo "== two at once take turns"
start_holding 6
expect_rc 10 platform-probe hold $POOL 0 0
[[ $OUTPUT == *"in use by process $HOLDER;"* ]] || fail "said: $OUTPUT"
expect_rc 0 platform-probe hold $POOL 0 20
[[ $OUTPUT == *leftover=0* ]] || fail "said: $OUTPUT"
wait $HOLDER
expect_same released "$(tail -n 1 holding)" "the first one's end"
expect_same - "$(held_block)" "metadata snapshot"

echo "== an inactive pool says so"
lvchange -qq -an vg0/vol
lvchange -qq -an $POOL
expect_rc 1 platform-probe hold $POOL 0 1
[[ $OUTPUT == *"is its volume active"* ]] || fail "said: $OUTPUT"
