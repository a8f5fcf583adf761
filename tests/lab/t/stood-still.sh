#!/bin/bash
# lab: solo disks=96M,96M timeout=600 both-kernels
# A base is never refused for what does not change it: a write before it was shipped, snapshots of it (and writes to those),
# a rename, read-only and back, activation, and metadata that was repaired or written anew.
set -euo pipefail
. /lab/lib.sh
make_pool src /dev/vda pool 64k -L 48M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 4M
write_random src/vol 0 2048 1
snapshot src/vol s1
lvchange -qq -ay -K src/s1
write_random src/s1 128 64 2
lvchange -qq -an src/s1
ship src/s1 '--pool dst/pool dst/copy'

snapshot src/s1 drill
lvchange -qq -ay -K src/drill
write_random src/drill 0 256 3
discard src/drill 1024 512
lvchange -qq -an src/drill
lvchange -qq -pr src/s1
lvchange -qq -ay -K src/s1
sum src/s1 > said
lvchange -qq -an src/s1
lvchange -qq -prw src/s1
lvrename -qq src/s1 src/monday
ship src/monday dst/copy # it is there, and still the same
write_random src/vol 1000 8 4
snapshot src/vol s2
ship '-i src/monday src/s2' dst/copy
lvremove -qq -y src/drill src/monday

# The pool's metadata is read and written anew, as lvconvert --repair does with a pool that is not active.
write_random src/vol 2000 8 5
snapshot src/vol s3
vgchange -qq -an src
lvconvert -qq -y --repair src/pool
lvremove -qq -y src/pool_meta0
lvchange -qq -ay src/vol
ship '-i src/s2 src/s3' dst/copy
ship '-i src/s2 src/s3' dst/copy
