#!/bin/bash
# lab: solo disks=24M,3G timeout=300 both-kernels
# Both engines agree on metadata that the kernel wrote: a tree of three levels over 2 TiB, many snapshots of it, random
# writes, discards that split and empty nodes, snapshots that go. BSR_ROUNDS=N makes it longer, BSR_SEED repeats it.
set -euo pipefail
. /lab/lib.sh

seed=${BSR_SEED:-$RANDOM}
echo "seed $seed"
RANDOM=$seed
META=/dev/vda DATA=/dev/vdb
CHUNK=128 SECTORS=$((2 << 31)) MAPPED=40000 # 64 KiB, 2 TiB
STRIDE=$((SECTORS / CHUNK / MAPPED))

# Of so many mappings the first are cheaper to restore than to write.
awk -v n=$MAPPED -v stride=$STRIDE 'BEGIN {
  print "<superblock uuid=\"\" time=\"0\" transaction=\"0\" flags=\"0\" version=\"2\" data_block_size=\"128\" nr_data_blocks=\"49152\">"
  printf "<device dev_id=\"1\" mapped_blocks=\"%d\" transaction=\"0\" creation_time=\"0\" snap_time=\"0\">\n", n
  for (i = 0; i < n; i++) printf "<single_mapping origin_block=\"%d\" data_block=\"%d\" time=\"0\"/>\n", i * stride + i * 7919 % stride, i
  print "</device>\n</superblock>"
}' > pool.xml
thin_restore -i pool.xml -o $META > /dev/null

pool_up() {
  dmsetup create pool --table "0 $(blockdev --getsz $DATA) thin-pool $META $DATA $CHUNK 0 1 skip_block_zeroing"
}
pool_down() { dmsetup remove pool; } # with a commit
volume_up() { dmsetup create volume --table "0 $SECTORS thin /dev/mapper/pool $1"; }
message() { dmsetup message pool 0 "$*"; }
# pick N: a number below N, as PICKED
pick() { PICKED=$(((RANDOM << 30 | RANDOM << 15 | RANDOM) % $1)); }

# discard_mapped COUNT: about so many mappings in a row.
discard_mapped() {
  pick $((MAPPED - $1))
  discard /dev/mapper/volume $((PICKED * STRIDE * CHUNK / 2)) $(($1 * STRIDE * CHUNK / 2))
}

# change ID: the volume 1, anywhere and close together, then its state as snapshot ID.
change() {
  local i
  volume_up 1
  for ((i = 0; i < 12; i++)); do
    pick $((SECTORS / CHUNK))
    write_random /dev/mapper/volume $((PICKED * CHUNK / 2)) 4 "$PICKED"
  done
  pick $((SECTORS / CHUNK - 4096))
  write_random /dev/mapper/volume $((PICKED * CHUNK / 2)) 2048 "$PICKED"
  discard /dev/mapper/volume $((PICKED * CHUNK / 2)) 64
  discard_mapped 40
  discard_mapped 900
  dmsetup remove volume
  message create_snap "$1" 1
}

# agree BASE SNAPSHOT: bsr-send fails with 18 where its engines differ.
agree() {
  bsr-send --metadata $META --data $DATA --size $((SECTORS * 512)) --delta-engine check -nP -i "$1" "$2" | tail -n 1
}

rounds=${BSR_ROUNDS:-2} kept=()
for ((round = 0; round < rounds; round++)); do
  pool_up
  for i in 1 2 3; do
    id=$((round * 3 + i + 1))
    change "$id"
    kept+=("$id")
  done
  # One that others share trees with goes; the pool ends with some more than it began with.
  if ((${#kept[@]} > 4)); then
    message delete "${kept[1]}"
    kept=("${kept[0]}" "${kept[@]:2}")
  fi
  pool_down
  last=${kept[-1]}
  [[ $(agree "${kept[-2]}" "$last") == size*[1-9]* ]] || fail "nothing changed between the last two"
  agree "${kept[0]}" "$last"
  agree "$last" "${kept[1]}"
  expect_same $'size\t0' "$(agree "$last" 1)" "a snapshot and what it was just made of"
done
