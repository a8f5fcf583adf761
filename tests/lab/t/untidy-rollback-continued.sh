#!/bin/bash
# lab: solo disks=160M,160M timeout=120
# A rollback past newer generations, from a target that somebody wrote to, is cut twice: each printed command continues it
# as printed. What was written and the newer generations stay.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 96M
thin_volume src/pool vol 8M
write_random src/vol 0 4096 1
snapshot src/vol s1
write_random src/vol 4096 1024 2
snapshot src/vol s2
write_random src/vol 0 8192 3
snapshot src/vol s3
ship src/s1 '--pool dst/pool dst/copy' > /dev/null
ship '-i src/s1 src/s2' dst/copy > /dev/null
newer=$(newest_generation dst/copy)
before=$(sum "$newer")
lvchange -qq -ay -K dst/copy.bsr-recv
write_random dst/copy.bsr-recv 100 8 9
lvchange -qq -an dst/copy.bsr-recv
written=$(sum dst/copy.bsr-recv)

printed() { sed -nE 's/^ *(bsr-send -t [^|]*\| *bsr-recv .*)$/\1/p' <<< "$OUTPUT"; }
send_to stream --compress none --patch never -i src/s1 src/s3
head -c 2500K stream > cut.bsr
expect_rc 11 receive_from cut.bsr --rollback dst/copy
command=$(printed)
[[ $command ]] || fail "no command in: $OUTPUT"
${command%%|*} > stream
head -c 2500K stream > cut.bsr
# shellcheck disable=SC2086  # the words of the command
expect_rc 11 receive_from cut.bsr ${command##*bsr-recv }
command=$(printed)
[[ $command ]] || fail "no command in: $OUTPUT"
expect_same "committed $(uuid src/s3)" "$(eval "$command")" "the answer"
expect_equal src/s3 "$(newest_generation dst/copy)"
expect_same "$before" "$(sum "$newer")" "the newer generation"
kept=$(lvs --noheadings -o lv_name dst | tr -d ' ' | grep bsr-diverged)
expect_same "$written" "$(sum "dst/$kept")" "what somebody wrote"
