#!/bin/bash
# lab: solo disks=128M timeout=240
# E8: somebody else holds the pool's metadata snapshot. thin_send failed, and its signal handlers,
# installed before its own reservation, then released that somebody's. Ours: 10, or the signal's
# status, and the holder keeps it; when it is free again, the send works.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
thin_volume src/pool vol 8M
write_random src/vol 0 2048 1
snapshot src/vol s1
write_random src/vol 512 512 2
snapshot src/vol s2

hold_metadata_snapshot src/pool
held=$(pool_status src/pool | cut -d' ' -f4)

expect_rc 10 send_to delta.bsr -i src/s1 src/s2
expect_same "$held" "$(pool_status src/pool | cut -d' ' -f4)" "the held metadata snapshot"
if active src/s2; then fail "the snapshot stays active"; fi

bsr-send -i src/s1 src/s2 2> said | cat > delta.bsr &
sleep 0.5
pkill -TERM -x bsr-send || echo "it had ended already"
wait
cat said
expect_same "$held" "$(pool_status src/pool | cut -d' ' -f4)" "the held metadata snapshot"

release_metadata_snapshot src/pool
send_to delta.bsr -i src/s1 src/s2
bsr-stream verify delta.bsr
if metadata_snapshot_held src/pool; then fail "the metadata snapshot is still held"; fi
