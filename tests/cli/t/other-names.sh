#!/bin/bash
# A file that was left half written is known to be that under each of its names, and so is a device: nothing is received into it but what
# continues, and what replaces all of it.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 12M v1
write_random v1 0 12288 1
cp v1 v2
for offset in 100 2500 5500 7000 10000; do write_random v2 $offset 1000 $offset; done
cp v1 v3
write_random v3 11500 100 77
make_pool 64 v1 v3 v2
one=$(identity 1)
send_to change --compress none --patch never -i 1 3
send_to other --patch never -i 1 2
send_to full 3

# half PATH: a change into it is cut; what waits is in $token
half() {
  expect_rc truncated bsr-recv --base "$one" "$1" < <(head -c 3000000 change)
  token=$(bsr-recv -t "$1")
  [[ -n $token ]] || fail "nothing waits"
}
# known NAME: no other stream, before and after what waits was dropped under that name; then all of it, and a change to that.
known() {
  expect_same "$token" "$(bsr-recv -t "$1")" "token under the name $1"
  expect_rc base receive_from other --base "$one" "$1"
  expect_says 'holds a part of snapshot'
  expect_rc ok bsr-recv -A "$1"
  expect_says 'neither the old nor the new state'
  half_known "$1"
}
half_known() {
  expect_rc base receive_from other --base "$one" "$1"
  expect_says 'was interrupted, so it does not hold' 'send a full stream' 'bsr-recv --digests'
  [[ $OUTPUT != *committed* ]] || fail "it says: $OUTPUT"
}
# fresh: ./target holds v1
fresh() {
  rm -f target*
  cp v1 target
}

mkdir elsewhere
for name in elsewhere/soft hard elsewhere/hard moved; do
  fresh
  case $name in
    */soft) ln -sf ../target "$name" ;;
    *hard) ln -f target "$name" ;;
  esac
  half ./target
  if [[ $name == moved ]]; then mv target moved; fi
  known "./$name"
  expect_rc ok receive_from full "./$name"
  expect_equal v2 "$name"
  rm -f moved hard elsewhere/*
done
# Cut under another name, and continued under the real one. A folder may be a link, too.
fresh
ln -s . here
ln target elsewhere/hard
for name in here/target elsewhere/hard; do
  half "./$name"
  bsr-send "${POOL[@]}" -t "$token" | bsr-recv ./target > said
  expect_equal v2 target
  cp v1 target
done
rm -f hard elsewhere/hard
# A copy that keeps attributes is half as well, but nothing waits in it.
fresh
half ./target
cp --preserve=all target copy
expect_same '' "$(bsr-recv -t ./copy)" token
half_known ./copy

# What was never recorded: by who wants nothing kept, and by a resync.
fresh
expect_rc truncated bsr-recv --no-resume --base "$one" ./target < <(head -c 3000000 change)
expect_says 'neither the old nor the new state'
ln target hard
half_known ./hard
# The change again writes all that it wrote before.
expect_rc ok receive_from change --base "$one" ./hard
expect_equal v2 target
expect_rc ok receive_from full ./target
fresh
bsr-recv --digests ./target > map
send_to resync --compress none --against map 3
expect_rc truncated bsr-recv ./target < <(head -c 3000000 resync)
half_known ./target
bsr-recv --digests ./target > map
send_to resync --against map 3
expect_rc ok receive_from resync ./target
expect_equal v2 target
expect_rc ok receive_from change --base "$one" ./target # the owner says so

((EUID == 0)) || { skip "mounts and devices: not root" && exit; }
fresh
half ./target
: > other-file
if mount --bind target other-file 2> /dev/null; then
  at_exit "umount other-file"
  known ./other-file
  umount other-file
else
  skip "a file mounted on another: mounting is not possible here"
fi
# Where a file system keeps no attributes, a file of several names takes nothing that needs its base.
mkdir plain
if mount -t ramfs none plain 2> /dev/null; then
  at_exit "umount plain"
  cp v1 plain/target
  half ./plain/target
  ln plain/target plain/hard
  expect_rc base receive_from other --base "$one" ./plain/hard
  expect_says 'several names'
  bsr-send "${POOL[@]}" -t "$token" | bsr-recv ./plain/target > said
  expect_equal v2 plain/target
  rm plain/hard
  expect_rc truncated bsr-recv --no-resume --base "$one" ./plain/target < <(head -c 3000000 change)
  half_known ./plain/target
  expect_rc ok receive_from full ./plain/target
  [[ $(echo plain/*) == plain/target ]] || fail "left: $(echo plain/*)"
else
  skip "a file system without attributes: mounting is not possible here"
fi

DEVICE=$(losetup -f --show backing 2> /dev/null || { cp v1 backing && losetup -f --show backing 2> /dev/null; }) || { skip "devices: no loop devices here" && exit; }
at_exit "losetup -d $DEVICE"
dmsetup version &> /dev/null || { skip "receiving into a device: no device mapper in this kernel" && exit; }
mknod node b $((0x$(stat -c %t "$DEVICE"))) $((0x$(stat -c %T "$DEVICE")))
half "$DEVICE"
known ./node
expect_rc ok receive_from full "$DEVICE"
expect_rc ok cmp v2 "$DEVICE"
