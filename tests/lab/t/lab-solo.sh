#!/bin/bash
# lab: solo disks=256M timeout=60
# The lab itself: a pool, a snapshot, and thin_delta sees what was written after it.
set -euo pipefail
. /lab/lib.sh

make_pool vg /dev/vda pool 64k
thin_volume vg/pool vol 32M
write_random vg/vol 0 1024 1
snapshot vg/vol before
sum_before=$(sum vg/vol)
expect_equal vg/vol vg/before
if active vg/before; then fail "reading a snapshot left it active"; fi
write_random vg/vol 448 192 2  # the blocks 7, 8 and 9
expect_same "$sum_before" "$(sum vg/before)" "the snapshot, after a write to its origin"
write_random vg/vol 448 192 1
expect_same "$sum_before" "$(sum vg/vol)" "the volume, written again from the same seed"
snapshot vg/vol after

if metadata_snapshot_held vg/pool; then fail "somebody holds the metadata snapshot"; fi
hold_metadata_snapshot vg/pool
metadata_snapshot_held vg/pool
thin_delta -m --snap1 2 --snap2 3 /dev/mapper/vg-pool_tmeta > delta.xml
release_metadata_snapshot vg/pool
grep '<different begin="7" length="3"/>' delta.xml

discard vg/vol 448 64
write_zero vg/vol 512 128
expect_same "$(head -c 196608 /dev/zero | sha256sum | cut -d' ' -f1)" \
  "$(dd if=/dev/vg/vol bs=64k skip=7 count=3 iflag=direct status=none | sha256sum | cut -d' ' -f1)" "zeros"
fill_pool vg/pool 1024
expect_same 1024 "$(free_kib vg/pool)" "room left in the pool"
