#!/bin/bash
# What `bench/run metadata` runs inside one machine: SIZE of the volume in bytes. The change between devices 2 and 3, with
# the metadata on a disk of which every request takes 20 ms more: emulation costs little next to that.
set -euo pipefail
# shellcheck source=tests/lab/guest-lib.sh
. /lab/lib.sh
modprobe dm_delay
sectors=$(blockdev --getsz /dev/vda)
for delay in 0 20; do
  dmsetup create slow --table "0 $sectors delay /dev/vda 0 $delay"
  for ((i = 0; i < 3; i++)); do
    start=${EPOCHREALTIME/./}
    bsr-send -n --metadata /dev/mapper/slow --data /dev/vdb --size "$1" -i 2 3 2> /dev/null > /dev/null
    times[i]=$(((${EPOCHREALTIME/./} - start) / 1000))
  done
  dmsetup remove slow
  echo "  in an emulated machine, $delay ms added to each request: ${times[*]} ms"
done
