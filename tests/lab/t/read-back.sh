#!/bin/bash
# lab: solo disks=96M,96M timeout=240 both-kernels
# A disk that says it wrote and did not: nothing is committed to it (18), and the message names the device and the place.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
thin_volume src/pool vol 8M
write_random src/vol 0 4096 1
write_random src/vol 6000 1000 2
snapshot src/vol s1
discard src/vol 1024 1024
write_random src/vol 3000 8 3
snapshot src/vol s2
send_to full src/s1
send_to change -i src/s1 src/s2

modprobe dm-flakey
modprobe dm-zero
dmsetup create sink --table '0 16384 zero'
expect_rc 18 receive_from full /dev/mapper/sink
[[ $OUTPUT == *'/dev/mapper/sink: at byte 0 '*'other bytes than were written'*'kernel log'* ]] || fail "it says: $OUTPUT"
[[ $OUTPUT != *committed* ]] || fail "it says: $OUTPUT"
receive_from full --verify none /dev/mapper/sink # nobody looks
dmsetup remove sink

# losing: from now on the disk drops writes. keeping: it writes.
base=$(receive_from full /dev/vdb 2>&1) && fail "a disk of another size was taken: $base"
dmsetup create disk --table '0 16384 linear /dev/vdb 0'
reload() {
  dmsetup suspend disk
  dmsetup reload disk --table "$1"
  dmsetup resume disk
}
keeping() { reload '0 16384 linear /dev/vdb 0'; }
losing() { reload '0 16384 flakey /dev/vdb 0 0 3600 1 drop_writes'; }
write_random /dev/mapper/disk 0 8192 7
base=$(receive_from full /dev/mapper/disk)
expect_equal src/s1 /dev/mapper/disk
losing
expect_rc 18 receive_from change --base "${base#committed }" /dev/mapper/disk
[[ $OUTPUT == *'/dev/mapper/disk: at byte 1048576 it gives back other bytes than the zeros'* ]] || fail "it says: $OUTPUT"
[[ $OUTPUT != *committed* ]] || fail "it says: $OUTPUT"
keeping
expect_equal src/s1 /dev/mapper/disk

