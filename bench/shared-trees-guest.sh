#!/bin/bash
# What bench/shared-trees runs inside the machine: MAPPINGS CHANGES.
set -euo pipefail
# shellcheck source=tests/lab/guest-lib.sh
. /lab/lib.sh
mappings=$1 changes=$2
stride=$((mappings / changes))

dmsetup create pool --table "0 $(blockdev --getsz /dev/vdb) thin-pool /dev/vda /dev/vdb 128 0 1 skip_block_zeroing"
dmsetup message pool 0 'create_snap 2 1'
dmsetup create volume --table "0 $((mappings * 128)) thin /dev/mapper/pool 1"
for ((i = 0; i < changes; i++)); do
  write_random /dev/mapper/volume $(((i * stride + i * 7919 % stride) * 64)) 64 "$i"
done
dmsetup remove volume
dmsetup message pool 0 'create_snap 3 1'
dmsetup message pool 0 'create_snap 4 1'
dmsetup remove pool # with a commit
