#!/bin/bash
# lab: solo disks=96M,96M timeout=120
# What is refused before anything is written, because the pool has no room for it, leaves the target as it was.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 48M
make_pool dst /dev/vdb pool 64k -L 4M
thin_volume src/pool vol 8M
write_random src/vol 0 1024 1
snapshot src/vol s1
ship src/s1 '--pool dst/pool dst/copy'
write_random src/vol 1024 6144 2
snapshot src/vol s2
send_to delta.bsr -i src/s1 src/s2

volumes() { lvs --noheadings -o lv_name,lv_size,lv_tags dst | sed 's/ *$//'; }
before=$(volumes)
expect_rc 15 receive_from delta.bsr dst/copy
expect_same "$before" "$(volumes)" "volumes and tags"
