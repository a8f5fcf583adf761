#!/bin/bash
# lab: solo disks=128M,128M timeout=240
# E11: the target is mounted, or another receiver is at work on it. thin_recv overwrote the
# mounted file system and reported success. Ours: 10, and nothing is written.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 48M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 8M
write_random src/vol 0 4096 1
snapshot src/vol s1
write_random src/vol 0 64 2
snapshot src/vol s2
send_to full.bsr src/s1
send_to delta.bsr -i src/s1 src/s2

# Mounted.
thin_volume dst/pool plain 8M
mke2fs -q -t ext4 /dev/dst/plain
mount -t ext4 /dev/dst/plain /mnt
echo precious > /mnt/file
expect_rc 10 receive_from full.bsr /dev/dst/plain
umount /mnt
e2fsck -fn /dev/dst/plain
mount -t ext4 -o ro /dev/dst/plain /mnt
expect_same precious "$(cat /mnt/file)" "the file in the mounted file system"
umount /mnt

# Below another device.
dmsetup create above --table "0 16384 linear /dev/dst/plain 0"
expect_rc 10 receive_from full.bsr /dev/dst/plain
dmsetup remove above

# A writable source that is in use changes while it is read.
mke2fs -q -t ext4 /dev/src/vol
mount -t ext4 /dev/src/vol /mnt
expect_rc 10 send_to live.bsr src/vol
umount /mnt

# Two receivers, of which one is in the middle of its stream.
mkfifo stream
bsr-recv --pool dst/pool dst/copy < stream &
first=$!
exec 3> stream
head -c 1M full.bsr >&3
until lvs dst/copy.bsr-recv &> /dev/null; do sleep 0.2; done
expect_rc 10 receive_from full.bsr --pool dst/pool dst/copy
tail -c +$((1024 * 1024 + 1)) full.bsr >&3
exec 3>&-
wait $first
expect_equal src/s1 "$(newest_generation dst/copy)"

# The working copy, held open by somebody.
lvchange -qq -K -ay dst/copy.bsr-recv
exec 4< /dev/dst/copy.bsr-recv
expect_rc 10 receive_from delta.bsr dst/copy
exec 4<&-
expect_same 1 "$(generations dst/copy | wc -l)" "number of generations"
receive_from delta.bsr dst/copy
expect_equal src/s2 "$(newest_generation dst/copy)"
