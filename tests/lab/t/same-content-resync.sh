#!/bin/bash
# lab: solo disks=160M,160M timeout=400 both-kernels
# Two resyncs against one content in a row, of which the second is cut: it is not taken for the first. It is run again, or dropped with the command
# that is printed, and what follows is right.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 8M
write_random src/vol 0 8192 1
snapshot src/vol s1
snapshot src/vol s2
write_random src/vol 1024 6000 3
snapshot src/vol s3
ship src/s1 '--pool dst/pool dst/copy'
bsr-recv --digests dst/copy > map
bsr-send --against map src/s2 | bsr-recv dst/copy # the same content, of another snapshot
bsr-send --compress none --against map src/s3 > resync.bsr
send_to change.bsr -i src/s2 src/s3
head -c 3M resync.bsr > cut.bsr
applying() { lvs --noheadings -o lv_tags dst | grep -o 'bsr\.applying[^,]*' || true; }

expect_rc 11 receive_from cut.bsr dst/copy
[[ $(applying) == bsr.applying=content:* ]] || fail "tags: $(applying)"
expect_rc 14 receive_from change.bsr dst/copy
[[ $OUTPUT == *'a resync was interrupted'* ]] || fail "says: $OUTPUT"
grep -x ' *bsr-recv -A dst/copy' <<< "$OUTPUT" > drop.sh
sh drop.sh
expect_same '' "$(applying)" "tags after -A"
expect_same "committed $(uuid src/s3)" "$(receive_from change.bsr dst/copy)" "the answer to the change"
expect_equal src/s3 "$(newest_generation dst/copy)"

# Back there, and the same again; now the resync is run to its end.
bsr-recv --digests dst/copy > map
bsr-send --against map src/s2 | bsr-recv dst/copy
expect_rc 11 receive_from cut.bsr dst/copy
expect_same "committed $(uuid src/s3)" "$(receive_from resync.bsr dst/copy)" "the answer to the resync"
expect_equal src/s3 "$(newest_generation dst/copy)"
expect_same '' "$(applying)" "tags at the end"
expect_same 5 "$(generations dst/copy | wc -l)" "number of generations"
