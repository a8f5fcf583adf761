#!/bin/bash
# lab: solo disks=128M,128M timeout=180
# E10: base and snapshot lie in different pools. thin_send compared the snapshot with whatever
# device had the base's number in the snapshot's pool, and reported success. Ours: 13, and not a
# byte of a stream.
set -euo pipefail
. /lab/lib.sh

make_pool vg /dev/vda one 64k -L 32M
make_pool vg /dev/vda two 64k -L 32M
make_pool other /dev/vdb one 64k -L 32M
for volume in vg/one vg/two other/one; do
  thin_volume $volume "${volume#*/}-vol" 4M
  write_random "${volume%/*}/${volume#*/}-vol" 0 1024 1
  snapshot "${volume%/*}/${volume#*/}-vol" "${volume#*/}-s"
done

for base in vg/two-s other/one-s; do
  expect_rc 13 send_to stream.bsr -i $base vg/one-s
  [[ ! -s stream.bsr ]]
done
expect_rc 2 send_to stream.bsr -i vg/one-s vg/one-s
[[ ! -s stream.bsr ]]
if active vg/one-s || active vg/two-s || active other/one-s; then fail "a snapshot stays active"; fi
