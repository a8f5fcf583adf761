#!/bin/bash
# lab: pair disks=192M timeout=900
# The promise of the project on real LVM, between two nodes over ssh, with pools of different chunk size: a full
# transfer, then ten changes of random writes, discards, zeroed ranges, a grown volume and rewritten identical data.
# After each the newest generation equals the source snapshot, the whole device.
set -euo pipefail
. /lab/lib.sh

seed=${BSR_SEED:-$RANDOM}
echo "seed $seed"
RANDOM=$seed

lab-wait-ssh dr
make_pool vg /dev/vda pool 64k -L 128M
on dr make_pool vg /dev/vda pool 256k -L 128M
thin_volume vg/pool data 12M
kib=$((12 * 1024))

# a random place: offset and length in KiB, not aligned to chunks
place() {
  length=$((4 + RANDOM % 400 / 4 * 4))
  offset=$((RANDOM % (kib - length) / 4 * 4))
}
write_somewhere() {
  place
  write_random vg/data "$offset" "$length" "$RANDOM"
}
change() {
  write_somewhere
  write_somewhere
  write_somewhere
  copy_bytes vg/data 100000 150000 1000003 # of what comes before, and of what comes later
  copy_bytes vg/data $((kib * 1024 - 300000)) 150000 1200003
  write_random vg/data 100 1 "$RANDOM" 8 20
  write_random vg/data $((kib - 290)) 1 "$RANDOM" 8 20
  case $(($1 % 5)) in
    0)
      place
      discard vg/data "$offset" "$length"
      discard vg/data $((64 * (RANDOM % 50))) 512
      ;;
    1)
      place
      write_zero vg/data "$offset" "$length"
      write_zero vg/data 1024 256
      ;;
    2)
      lvextend -qq -L +4M vg/data
      kib=$((kib + 4096))
      write_random vg/data $((kib - 100)) 100 "$RANDOM"
      ;;
    3) write_random vg/data 2048 512 77 ;;  # the same bytes each time
    4)
      discard vg/data 0 "$kib"
      write_somewhere
      ;;
  esac
}
# the newest generation there equals the snapshot here
compare() {
  # shellcheck disable=SC2016
  expect_same "$(sha256 "$1")" "$(on dr 'sha256 "$(newest_generation vg/data)"')" "$1 on the second node"
}

write_random vg/data 0 3000 1
snapshot vg/data s0
bsr-send vg/s0 | ssh dr bsr-recv --pool vg/pool vg/data
compare vg/s0

references=0
for round in 1 2 3 4 5 6 7 8 9 10; do
  change "$round"
  snapshot vg/data "s$round"
  # Both engines must agree on what the kernel wrote. Whole chunks and patches in turn.
  patch=never
  if ((round % 2 == 0)); then patch=always; fi
  bsr-send --delta-engine check --patch $patch -i "vg/s$((round - 1))" "vg/s$round" | tee stream | ssh dr bsr-recv vg/data
  compare "vg/s$round"
  references=$((references + $(bsr-stream dump --json stream | grep -c '"references":\[\[' || true)))
done
((references > 0)) || fail "no patch was packed against another place"
expect_same 11 "$(on dr "generations vg/data | wc -l")" "number of generations"
if active vg/s9 || active vg/s10; then fail "the sender left its snapshots active"; fi
if metadata_snapshot_held vg/pool; then fail "the metadata snapshot is still held"; fi
