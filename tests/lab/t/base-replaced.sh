#!/bin/bash
# lab: solo disks=96M,96M timeout=600 both-kernels
# A base keeps name and UUID and becomes another: what a snapshot of it holds is merged into it. So does a snapshot that
# is sent again.
set -euo pipefail
. /lab/lib.sh
make_pool src /dev/vda pool 64k -L 48M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 4M
write_random src/vol 0 2048 1
snapshot src/vol s1
ship src/s1 '--pool dst/pool dst/copy'
name=$(uuid src/s1)

snapshot src/s1 drill
lvchange -qq -ay -K src/drill
write_random src/drill 512 64 2
lvchange -qq -an src/drill
lvconvert -qq -y --merge src/drill
expect_same "$name" "$(uuid src/s1)" "the UUID behind the merge"
bsr-send src/s1 > stream
expect_rc 14 receive_from stream dst/copy
write_random src/vol 1024 64 3
snapshot src/vol s2
bsr-send -i src/s1 src/s2 > stream
expect_rc 14 receive_from stream dst/copy
snapshot src/s1 s3
bsr-send -i src/s1 src/s3 > stream
expect_rc 14 receive_from stream dst/copy

# The volume itself goes back to an older snapshot.
lvchange -qq -an src/vol
ship src/vol '--pool dst/pool dst/volume'
lvconvert -qq -y --merge src/s2
bsr-send src/vol > stream
expect_rc 14 receive_from stream dst/volume
