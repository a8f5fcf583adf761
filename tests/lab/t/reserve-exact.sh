#!/bin/bash
# lab: solo disks=96M,96M timeout=120
# --reserve means its percentage, of a small pool too.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 48M
make_pool dst /dev/vdb pool 256k -L 24M  # 96 chunks
thin_volume src/pool vol 8M
write_random src/vol 0 1024 1
snapshot src/vol s1
ship src/s1 '--pool dst/pool dst/copy'
write_random src/vol 1024 6144 2
snapshot src/vol s2
send_to delta.bsr -i src/s1 src/s2

# 80 % of 24 MiB are 19.2, of which 1 MiB is used: 3.8 MiB are left for 6.
expect_rc 15 receive_from delta.bsr --reserve 80 dst/copy
receive_from delta.bsr --reserve 60 dst/copy
expect_equal src/s2 "$(newest_generation dst/copy)"
