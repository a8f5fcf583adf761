#!/bin/bash
# lab: solo disks=128M timeout=180
# E6b: the receiver goes away, or the sender is told to stop. thin_send died of SIGPIPE and left
# the snapshot active, its exit paths never deactivated. Ours: 16 or 128 and the signal, the
# snapshot is inactive and the metadata snapshot free.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
thin_volume src/pool vol 16M
write_random src/vol 0 16384 1
snapshot src/vol s1

all_released() {
  if active src/s1; then fail "the snapshot stays active"; fi
  if metadata_snapshot_held src/pool; then fail "the metadata snapshot is still held"; fi
}

reader_leaves() {
  bsr-send src/s1 | head -c 70000 > head.bsr
  return "${PIPESTATUS[0]}"
}
expect_rc 16 reader_leaves
all_released

mkfifo stream
for signal in TERM INT HUP; do
  exec 3<> stream  # a reader that never reads
  (trap - INT HUP && exec bsr-send src/s1) > stream 2> said &
  sender=$!
  head -c 70000 <&3 > head.bsr
  kill -s "$signal" $sender
  expect_rc $((128 + $(kill -l $signal))) wait $sender
  exec 3<&-
  cat said
  all_released
done
