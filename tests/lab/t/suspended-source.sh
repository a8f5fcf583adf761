#!/bin/bash
# lab: solo disks=96M timeout=120
# The device that is read does not answer: a signal ends the sender all the same, and nothing of it holds the pool.
set -euo pipefail
. /lab/lib.sh

make_pool vg /dev/vda pool 64k -L 48M
thin_volume vg/pool data 16M
write_random vg/data 0 8192 1
snapshot vg/data s1
lvchange -qq -K -ay vg/s1
dmsetup suspend --noflush vg-s1
bsr-send vg/s1 > stream 2> err &
sender=$!
sleep 5
[[ $(cat /proc/$sender/comm) == bsr-send ]] || fail "it has ended: $(< err)"
start=$SECONDS status=0
kill $sender
wait $sender || status=$?
took=$((SECONDS - start))
dmsetup resume vg-s1
expect_same 143 $status "status ($(< err))"
((took <= 20)) || fail "it took $took s"
grep -q 'while a disk does not answer' err || fail "it says: $(< err)"
if metadata_snapshot_held vg/pool; then fail "the pool's metadata snapshot is held"; fi

# Whoever runs it again succeeds.
ship vg/s1 '--pool vg/pool vg/copy'
expect_equal vg/s1 "$(newest_generation vg/copy)"
