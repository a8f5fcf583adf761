#!/bin/bash
# lab: solo disks=160M,160M timeout=240
# E1: the pool of the target has no room. thin_recv wrote through the page cache, never flushed
# and ignored close: it reported success while the kernel logged "lost async page write" and the
# copy differed. Ours: refused with 15, and what was committed before stays as it was.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 16M
make_pool dst /dev/vdb other 64k -L 8M
lvchange -qq --errorwhenfull y dst/pool dst/other
thin_volume src/pool vol 32M
write_random src/vol 0 4096 1
snapshot src/vol s1
write_random src/vol 4096 20480 2
snapshot src/vol s2
send_to full.bsr src/s2
send_to delta.bsr -i src/s1 src/s2

# A full stream that can not fit leaves nothing behind that counts.
expect_rc 15 receive_from full.bsr --pool dst/pool dst/copy
expect_same '' "$(generations dst/copy)" "generations"

# Nor does a delta, and the generation before it is whole.
ship src/s1 '--pool dst/pool dst/copy'
expect_rc 15 receive_from delta.bsr dst/copy
expect_same 1 "$(generations dst/copy | wc -l)" "number of generations"
expect_equal src/s1 "$(newest_generation dst/copy)"

# A plain target knows nothing of its pool: the write fails, and so does the program.
thin_volume dst/other plain 32M
expect_rc 15 receive_from full.bsr /dev/dst/plain
[[ $OUTPUT != *committed* ]]

# With room the same stream is taken.
lvextend -qq -L 48M dst/pool
receive_from delta.bsr dst/copy
expect_equal src/s2 "$(newest_generation dst/copy)"
