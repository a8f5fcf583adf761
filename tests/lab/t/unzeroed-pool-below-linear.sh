#!/bin/bash
# lab: solo disks=96M,96M timeout=300 both-kernels
# A plain target that stands on a thin volume of a pool that does not zero new chunks (lvcreate -Zn), with something
# between that hides where chunks begin: what is written would bring old content up beside it. Refused (20) before
# anything is written, with the command that helps; with that done, and over any pool that zeroes, the copy is equal.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 32M
thin_volume src/pool vol 12M
for kib in 64 1024 5120 8200; do write_random src/vol $kib 64 $kib; done
snapshot src/vol s1
write_random src/vol 3000 8 9
snapshot src/vol s2
send_to full src/s1
send_to change -i src/s1 src/s2

# Old content, which new chunks show.
make_pool dst-1 /dev/vdb pool 256k -L 48M -Zn --discards nopassdown
thin_volume dst-1/pool old 47M
write_random dst-1/old 0 $((47 * 1024)) 9
lvremove -qq -y dst-1/old
thin_volume dst-1/pool plain 12M
thin_volume dst-1/pool large 13M

number() { dmsetup info -c --noheadings -o major,minor "$1"; }
used() { dmsetup status dst--1-plain dst--1-large; }
refused() {
  [[ -b $1 ]] || fail "there is no $1"
  expect_rc 20 receive_from full "$1"
  [[ $OUTPUT == *"$1: "*'pool dst-1/pool, which does not zero'*'(lvchange -Zy dst-1/pool)'* ]] || fail "it says: $OUTPUT"
  expect_rc 20 receive_from change --base "$(uuid src/s1)" "$1"
}
# A partition of 12 MiB behind the first MiB.
printf '\0\0\0\0\203\0\0\0\0\10\0\0\0\140\0\0' | dd of=/dev/dst-1/large bs=1 seek=446 conv=notrunc status=none
printf '\125\252' | dd of=/dev/dst-1/large bs=1 seek=510 conv=notrunc status=none
before=$(used)

# One device on the other, each tried while it is the uppermost.
modprobe loop
dmsetup create linear --table "0 24576 linear $(number dst--1-plain) 0"
refused /dev/mapper/linear
dmsetup create two --table "0 8192 linear $(number linear) 0
8192 16384 linear $(number linear) 8192"
refused /dev/mapper/two
loop=$(losetup -f --show /dev/mapper/two)
refused "$loop"
disk=$(losetup -P -f --show /dev/dst-1/large)
refused "${disk}p1"
expect_same "$before" "$(used)" "what is mapped"

lvchange -qq -Zy dst-1/pool # as it was told to
for target in "$loop" "${disk}p1"; do
  receive_from full "$target"
  expect_equal src/s1 "$target"
  receive_from change --base "$(uuid src/s1)" "$target"
  expect_equal src/s2 "$target"
done
