#!/bin/bash
# lab: solo disks=128M,128M timeout=180
# Where the pool ignores discards, what the source unmapped is written as zeros, and each chunk that a generation shares is
# copied for that. The receiver stops (15) before the pool is full; the generation stays.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 96M --discards ignore
thin_volume src/pool vol 32M
write_random src/vol 0 32768 1
snapshot src/vol s1
discard src/vol 0 28672
snapshot src/vol s2

ship src/s1 '--pool dst/pool dst/copy'
generation=$(newest_generation dst/copy)
before=$(sum "$generation")
fill_pool dst/pool 8192
send_to delta.bsr -i src/s1 src/s2
expect_rc 15 receive_from delta.bsr dst/copy
expect_same "$generation" "$(newest_generation dst/copy)" "the newest generation"
expect_same "$before" "$(sum "$generation")" "its content"
[[ $(pool_status dst/pool) != *out_of_data_space* ]] || fail "the pool is full"

lvchange -qq -an dst/filler
lvremove -qq -y dst/filler
receive_from delta.bsr dst/copy
expect_equal src/s2 "$(newest_generation dst/copy)"
