#!/bin/bash
# What ./quickstart --lvm does inside the machine `primary`.
set -euo pipefail
. /lab/lib.sh

lab-wait-ssh dr
echo "making a thin pool on each node (chunks of 64 KiB here, 256 KiB there), a volume with ext4"
make_pool vg /dev/vda pool 64k 2> /dev/null
on dr make_pool vg /dev/vda pool 256k 2> /dev/null
thin_volume vg/pool data 64M 2> /dev/null
mke2fs -q -t ext4 /dev/vg/data
mkdir -p /mnt/data
mount /dev/vg/data /mnt/data
cp /usr/sbin/lvm /usr/bin/ssh /mnt/data/
snapshot vg/data monday 2> /dev/null
cp /usr/bin/bash /mnt/data/new
rm /mnt/data/ssh
snapshot vg/data tuesday 2> /dev/null
umount /mnt/data

mib() { printf '%d.%d MiB' $(($1 / 1048576)) $(($1 * 10 / 1048576 % 10)); }
# transfer TITLE SNAPSHOT 'SEND_ARGS' 'RECV_ARGS'
transfer() {
  local size start seconds wire
  # shellcheck disable=SC2086  # words on purpose
  size=$(bsr-send -n -P $3 | sed -n 's/^size\t//p')
  start=$SECONDS
  # shellcheck disable=SC2086,SC2029
  bsr-send $3 | ssh dr bsr-recv --json $4 > received
  seconds=$((SECONDS - start))
  wire=$(sed -n 's/.*"type":"summary".*"bytes_wire":\([0-9]*\).*/\1/p' received)
  printf '\n%s\n' "$1"
  printf '  %-20s %s\n' 'to send' "$(mib "$size")" 'on the wire' "$(mib "$wire")" 'time (emulated)' "$seconds s"
  # shellcheck disable=SC2016
  expect_equal_sums "$2" "$(on dr 'sha256 "$(newest_generation vg/data)"')"
}
expect_equal_sums() {
  expect_same "$(sha256 "$1")" "$2" "$1 on the second node"
  echo "  identical            yes"
}

transfer 'full transfer of monday' vg/monday 'vg/monday' '--pool vg/pool vg/data'
transfer 'what changed until tuesday' vg/tuesday '-i vg/monday vg/tuesday' 'vg/data'
printf '\nThe second node holds these generations:\n'
on dr 'lvs -o lv_name,lv_size,lv_attr,data_percent vg'
printf '\nidentical: yes\n'
