#!/bin/bash
# lab: solo disks=128M,128M timeout=400
# E7: a stream that was cut or changed on its way. thin_recv had no checksums (a changed byte or
# offset was written, and success reported) and wrote in place (a cut stream left a torn volume).
# Ours: 11 or 12, no generation, the old one intact; then the right stream is taken.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 48M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 4M
write_random src/vol 0 4096 1
snapshot src/vol s1
write_random src/vol 1024 1024 2
discard src/vol 3072 256
snapshot src/vol s2
send_to delta.bsr -i src/s1 src/s2
size=$(stat -c %s delta.bsr)
ship src/s1 '--pool dst/pool dst/copy'
before=$(sum "$(newest_generation dst/copy)")

# refused CODE FILE: by all that reads streams, with nothing changed.
refused() {
  expect_rc "$1" bsr-stream verify "$2"
  expect_rc "$1" receive_from "$2" --no-resume dst/copy
  expect_same 1 "$(generations dst/copy | wc -l)" "number of generations"
}

# flip OFFSET: the stream with one bit of this byte changed.
flip() {
  local byte
  byte=$(od -An -tu1 -j "$1" -N 1 delta.bsr)
  cp delta.bsr changed.bsr
  # shellcheck disable=SC2059
  printf "\\x$(printf '%02x' $((byte ^ 4)))" | dd of=changed.bsr bs=1 seek="$1" conv=notrunc status=none
}

for length in 0 27 $((size / 2)) $((size - 1)); do
  head -c "$length" delta.bsr > cut.bsr
  refused 11 cut.bsr
done
for offset in 20 100 $((size / 2)) $((size - 10)); do  # a header, BEGIN, data, END
  flip "$offset"
  refused 12 changed.bsr
done
{ cat delta.bsr && echo more; } > longer.bsr
refused 12 longer.bsr

expect_same "$before" "$(sum "$(newest_generation dst/copy)")" "the generation"
receive_from delta.bsr dst/copy
expect_equal src/s2 "$(newest_generation dst/copy)"
