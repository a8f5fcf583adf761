#!/bin/bash
# lab: solo disks=128M,64M,48M timeout=400 both-kernels
# Whatever lvm.conf, the environment or an unrelated disk make LVM print around and into its reports: the report is
# read, and what LVM says of a failure is shown.
set -euo pipefail
. /lab/lib.sh
make_pool src /dev/vda pool 64k -L 48M
thin_volume src/pool vol 4M
write_random src/vol 0 1024 1
snapshot src/vol s1
vgcreate -qq other /dev/vdb
lvcreate -qq -y -L 8M -n linear other
vgcreate -qq third /dev/vdc
lvcreate -qq -y -L 4M -n small third
token=$(bsr-send src/s1 | head -c 700000 | bsr-recv --pool src/pool src/half 2>&1 | sed -n 's/.*bsr-send -t \([^ ]*\).*/\1/p') || true
[[ $token ]] || fail "no token"
cp /etc/lvm/lvm.conf /tmp/lvm.conf

# says TEXT COMMAND...: it fails, and that is why, without what lvm.conf puts before messages.
says() {
  expect_rc 1 "${@:2}"
  [[ $OUTPUT == *"$1"* ]] || fail "not said: $1"
  [[ $OUTPUT != *'x: '* && $OUTPUT != *'lvs:'* && $OUTPUT != *'lvcreate:'* ]] || fail "said with a prefix: $OUTPUT"
}

# reads SETTING [NAME=VALUE...]: with this in lvm.conf, transfers that find, read and change LVM's state.
reads() {
  echo "$*"
  { cat /tmp/lvm.conf && echo "$1"; } > /etc/lvm/lvm.conf
  env "${@:2}" bsr-send src/s1 > stream
  env "${@:2}" bsr-recv --pool src/pool src/copy < stream > answer
  grep -q '^committed ' answer
  expect_rc 0 env "${@:2}" bsr-send -n -t "$token" # looks for a UUID in all groups
  cp /tmp/lvm.conf /etc/lvm/lvm.conf
  expect_equal src/s1 "$(newest_generation src/copy)"
  lvremove -qq -y "$(newest_generation src/copy)" src/copy.bsr-recv &> /dev/null
}

# works SETTING [NAME=VALUE...]: the same, and the reasons of failures are seen.
works() {
  reads "$@"
  { cat /tmp/lvm.conf && echo "$1"; } > /etc/lvm/lvm.conf
  says 'no such logical volume' env "${@:2}" bsr-send src/none
  says 'Volume group "nosuch" not found' env "${@:2}" bsr-send nosuch/none
  expect_rc 1 env "${@:2}" bsr-recv --pool src/pool src/pvmove1 < stream # a change that LVM refuses
  [[ $OUTPUT == *'are reserved'* ]] || fail "not said: are reserved"
  cp /tmp/lvm.conf /etc/lvm/lvm.conf
}

works 'log { prefix = "x: " }'
works 'log { command_names = 1 }'
works 'log { verbose = 1 indent = 1 level = 7 }'
reads 'log { verbose = 3 command_names = 1 }'
# LVM 2.03.26 and newer put errors into the JSON report by themselves.
works 'log { silent = 1 report_command_log = 1 command_log_selection = "all" command_log_cols = "log_message" }'
works 'report { output_format = "json" quoted = 0 prefixes = 1 headings = 0 columns_as_rows = 1 }'
works 'report { buffered = 0 aligned = 0 list_item_separator = ";" segs_sort = "-seg_start" binary_values_as_numeric = 0 }'
works 'global { units = "h" suffix = 1 }'
mkdir -p /etc/lvm/profile
echo 'report { quoted = 0 prefixes = 1 }' > /etc/lvm/profile/ugly.profile
works '' LVM_REPORT_FD=2 LVM_OUT_FD=1 LVM_ERR_FD=1 LVM_COMMAND_PROFILE=ugly

# A volume of another group that asks for a device number which the kernel does not give out so.
lvchange -qq -an other/linear
lvchange -qq -y -My --major 7 --minor 44 other/linear
works ''

# Damaged metadata on another disk: lvs says so between the lines of its report.
dd if=/dev/urandom of=/dev/vdb bs=512 seek=9 count=10 conv=notrunc,fsync status=none
lvs --reportformat json 2>&1 | grep -c 'Retrying metadata scan' > /dev/null || fail "nothing is damaged"
works ''

# The label of another one is gone, and with it half of a group.
dd if=/dev/zero of=/dev/vdc bs=512 count=8 conv=notrunc,fsync status=none
works ''
