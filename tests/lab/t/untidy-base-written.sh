#!/bin/bash
# lab: solo disks=160M,160M timeout=120 both-kernels
# The base was written to between its creation and its transfer, and once more behind it in the same place: the pool has no
# reason to map anything anew, so its metadata is what it was. The next snapshot is one of that base.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 4M
write_random src/vol 0 4096 1
snapshot src/vol s1
lvchange -qq -ay -K src/s1
write_random src/s1 1024 8 2
lvchange -qq -an src/s1
ship src/s1 '--pool dst/pool dst/copy' > /dev/null

# It stood still since, and is taken.
write_random src/vol 100 8 3
snapshot src/vol s2
ship '-i src/s1 src/s2' dst/copy > /dev/null
expect_equal src/s2 "$(newest_generation dst/copy)"
snapshot src/s1 s3
ship '-i src/s1 src/s3' '--rollback dst/copy' > /dev/null
expect_equal src/s3 "$(newest_generation dst/copy)"

# s4 too, and then it is written to in the same place.
snapshot src/vol s4
lvchange -qq -ay -K src/s4
write_random src/s4 2048 8 4
lvchange -qq -an src/s4
ship '-i src/s3 src/s4' dst/copy > /dev/null
expect_equal src/s4 "$(newest_generation dst/copy)"
lvchange -qq -ay -K src/s4
write_random src/s4 2048 8 5
lvchange -qq -an src/s4
snapshot src/s4 s5
honest src/s5 '-i src/s4 src/s5' dst/copy dst/copy
