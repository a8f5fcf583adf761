#!/bin/bash
# lab: solo disks=160M,160M timeout=120 both-kernels
# A group of its own on a thin volume of an unzeroed pool, as guests and stacked storage have it: its logical volume is a
# plain target. What nobody wrote there holds what was on the disk before, and a change brings it up beside what it writes:
# refused, with the command after which everything and then a change that unmaps is received.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 256k -L 64M -Zn --discards nopassdown
thin_volume dst/pool old 63M
write_random dst/old 0 64512 9
lvremove -qq -y dst/old
thin_volume src/pool vol 12M
write_random src/vol 64 64 1
write_random src/vol 1024 64 2
write_random src/vol 5120 64 3
snapshot src/vol s1
write_random src/vol 8000 1 4
discard src/vol 1024 64
snapshot src/vol s2

echo 'devices { scan_lvs = 1 }' >> /etc/lvm/lvm.conf
thin_volume dst/pool disk 20M
vgcreate -qq top /dev/dst/disk
lvcreate -qq -y -Zn -Wn -L 12M -n plain top
before=$(sum top/plain)
expect_rc 20 bash -c 'set -o pipefail; bsr-send src/s1 | bsr-recv /dev/top/plain'
[[ $OUTPUT == *'lvchange -Zy dst/pool'* ]] || fail "no way out in: $OUTPUT"
expect_same "$before" "$(sum top/plain)" "what the refused target holds"
lvchange -qq -Zy dst/pool
full=$(ship src/s1 /dev/top/plain)
expect_equal src/s1 top/plain
ship '-i src/s1 src/s2' "--base $full /dev/top/plain" > /dev/null
expect_equal src/s2 top/plain
