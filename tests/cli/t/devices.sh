#!/bin/bash
# A block device as the target: written in place, refused with 10 while it is in use, or when its size does not fit.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

((EUID == 0)) || { skip "devices: not root" && exit; }
truncate -s 1M backing
DEVICE=$(losetup -f --show backing 2> /dev/null) || { skip "devices: no loop devices here" && exit; }
at_exit "losetup -d $DEVICE"

truncate -s 1M v1
write_random v1 0 512 1
write_random v1 1000 24 2
cp v1 v2
write_random v2 100 50 3
write_zero v2 256 128
make_pool 64 v1 v2
send_to full 1 --size 1048576
send_to delta -i 1 2 --size 1048576
send_to smaller 1 --size 524288
send_to larger 1 --size 2097152

# on_device: the content, past all caches of ours.
on_device() { sync "$DEVICE" && dd if="$DEVICE" bs=1M status=none; }
# device_unchanged ID COMMAND...
device_unchanged() {
  local before
  before=$(on_device | sha256sum)
  expect_rc "$@"
  expect_same "$before" "$(on_device | sha256sum)" "content of the device"
}

write_random "$DEVICE" 0 1024 9
device_unchanged base receive_from larger "$DEVICE"
expect_advice "$DEVICE"
device_unchanged base receive_from delta "$DEVICE"
device_unchanged truncated receive_from /dev/null "$DEVICE"

# In use: mounted, or locked.
mkfs.ext4 -q -F "$DEVICE" 2> /dev/null || mke2fs -q -F "$DEVICE"
mkdir mounted
if mount -o ro "$DEVICE" mounted 2> /dev/null; then
  device_unchanged busy receive_from full "$DEVICE"
  expect_advice "$DEVICE"
  device_unchanged busy receive_from full -n "$DEVICE"
  umount mounted
else
  skip "a mounted device: mounting is not possible here"
fi
device_unchanged busy flock "$DEVICE" bsr-recv "$DEVICE" < full
expect_advice "$DEVICE"

if [[ ! -e /dev/mapper/control ]] || ! dmsetup version &> /dev/null; then
  skip "receiving into a device: no device mapper in this kernel"
  exit
fi
write_random "$DEVICE" 0 1024 9
expect_rc ok receive_from full "$DEVICE"
expect_equal v1 <(on_device)
expect_rc ok receive_from delta --base "$(identity 1)" "$DEVICE"
expect_equal v2 <(on_device)
ln -s "$DEVICE" link
expect_rc ok receive_from full ./link
expect_equal v1 <(on_device)
