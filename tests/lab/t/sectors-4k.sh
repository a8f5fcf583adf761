#!/bin/bash
# lab: solo disks=96M,160M timeout=240
# Devices with logical sectors of 4096 bytes, plain and below a volume group: from 512 to 4096 and back, a full stream and a
# change that begins and ends within such a sector.
set -euo pipefail
. /lab/lib.sh

modprobe loop
mke2fs -q /dev/vdb
mkdir disks
mount /dev/vdb disks
truncate -s 48M disks/group disks/plain
group=$(losetup -b 4096 -f --show "$PWD/disks/group")
truncate -s 8M disks/plain
plain=$(losetup -b 4096 -f --show "$PWD/disks/plain")
expect_same 4096 "$(blockdev --getss "$plain")" "logical sector"

make_pool src /dev/vda pool 64k -L 48M
make_pool large "$group" pool 64k -L 28M
thin_volume src/pool vol 8M
write_random src/vol 0 4000 1
snapshot src/vol s1
discard src/vol 1024 512
for kib in 100 301 555; do
  dd if=/dev/urandom of=/dev/src/vol bs=512 seek=$((kib * 2 + 1)) count=3 conv=notrunc status=none
done
snapshot src/vol s2

full=$(ship src/s1 "$plain")
expect_equal src/s1 "$plain"
ship '-i src/s1 src/s2' "--base $full $plain"
expect_equal src/s2 "$plain"
ship src/s1 '--pool large/pool large/copy'
ship '-i src/s1 src/s2' large/copy
expect_equal src/s2 "$(newest_generation large/copy)"

# And back.
thin_volume large/pool vol 8M
write_random large/vol 64 2000 5
snapshot large/vol t1
discard large/vol 512 256
write_random large/vol 4 4 6
snapshot large/vol t2
thin_volume src/pool plain 8M
full=$(ship large/t1 /dev/src/plain)
ship '-i large/t1 large/t2' "--base $full /dev/src/plain"
expect_equal large/t2 src/plain
ship large/t1 '--pool src/pool src/copy'
ship '-i large/t1 large/t2' src/copy
expect_equal large/t2 "$(newest_generation src/copy)"
