#!/bin/bash
# lab: solo disks=96M,96M timeout=300
# A first transfer is killed behind its last record, where it had written already. What it wrote there became zeros in the
# snapshot meanwhile, in place: the session that continues looks at what the working copy maps, and zeroes it.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 12M
snapshot src/vol s1
lvchange -qq -ay -K src/s1
write_random src/s1 0 8192 1
lvchange -qq -an src/s1
send_to full.bsr --compress none src/s1

mapped_sectors() { dmsetup status dst-copy.bsr--recv 2> /dev/null | cut -d' ' -f4; }
mkfifo pipe
bsr-recv --ack --pool dst/pool dst/copy < pipe > said 2> err &
receiver=$!
exec 5> pipe
sent=0
# feed KIB: the next part of the stream.
feed() {
  dd if=full.bsr bs=1K iflag=fullblock skip=$sent count="$1" status=none >&5
  sent=$((sent + $1))
}
feed 1024
until grep -q '^durable' said; do
  kill -0 $receiver || fail "it ended: $(< err)"
  feed 16 # a checkpoint is what makes it look at the clock
  sleep 0.2
done
((sent < 6000)) || fail "nothing is left to be sent"
before=$(mapped_sectors)
feed 1024
until (($(mapped_sectors) >= before + 1024)); do sleep 0.1; done
kill -9 $receiver
wait $receiver || true
exec 5>&-
lvchange -qq -ay -K src/s1
write_zero src/s1 $((sent - 1024)) $((8192 + 1024 - sent)) # all that is behind the record
lvchange -qq -an src/s1

token=$(bsr-recv -t dst/copy)
bsr-send -t "$token" | bsr-recv dst/copy > said
expect_same "committed $(uuid src/s1)" "$(< said)" "the answer"
expect_equal src/s1 "$(newest_generation dst/copy)"
