#!/bin/bash
# lab: solo disks=160M,160M timeout=120 both-kernels
# A snapshot is sent again after another one was merged into it, which keeps its UUID; after it was trimmed; and
# after it was written to where it had been written to before its first transfer. As it stood, it is acknowledged.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 96M
thin_volume src/pool vol 4M
write_random src/vol 0 4096 1
for name in merged trimmed written; do
  snapshot src/vol $name
  lvchange -qq -ay -K src/$name
  write_random src/$name 64 8 5
  lvchange -qq -an src/$name
  ship src/$name "--pool dst/pool dst/$name" > /dev/null
  expect_same "$(uuid src/$name)" "$(ship src/$name dst/$name)" "the answer to $name as it was"
done

snapshot src/merged work
lvchange -qq -ay -K src/work
write_random src/work 640 8 6
lvchange -qq -an src/work
before=$(uuid src/merged)
lvconvert -qq -y --merge src/work
expect_same "$before" "$(uuid src/merged)" "the UUID that the merged one keeps"
lvchange -qq -ay -K src/trimmed
discard src/trimmed 1024 64
lvchange -qq -an src/trimmed
lvchange -qq -ay -K src/written
write_random src/written 64 8 7
lvchange -qq -an src/written
for name in merged trimmed written; do
  echo "== $name"
  honest src/$name src/$name dst/$name dst/$name
done
