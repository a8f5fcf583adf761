#!/bin/bash
# lab: pair disks=64M timeout=90
# The lab itself: ssh from one node to the other, a cable that is pulled and plugged, a node that
# loses power and keeps its disk.
set -euo pipefail
. /lab/lib.sh

lab-wait-ssh dr
expect_same dr "$(ssh dr hostname)" "name of the peer"
[[ $(< /proc/sys/kernel/random/uuid) != "$(ssh dr cat /proc/sys/kernel/random/uuid)" ]]

lab-ctl link dr off
expect_rc 255 ssh -o ConnectTimeout=2 dr true
lab-ctl link dr on
ssh dr true

ssh dr 'echo written | dd of=/dev/vda conv=fsync status=none'
lab-ctl kill dr
expect_rc 1 lab-ctl alive dr
lab-ctl start dr
lab-wait-ssh dr
expect_same written "$(ssh dr 'head -n 1 /dev/vda')" "content of the disk"
