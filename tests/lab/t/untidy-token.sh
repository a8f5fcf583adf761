#!/bin/bash
# lab: solo disks=160M,160M timeout=120 both-kernels
# A cut transfer is continued after its snapshot was written to in place, which leaves nothing in the metadata of the pool; after
# its base was; and after somebody wrote to the working copy, behind and before the place where it waits.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 96M
thin_volume src/pool vol 4M
write_random src/vol 0 4096 1
snapshot src/vol s1
lvchange -qq -ay -K src/s1
write_random src/s1 64 128 2
lvchange -qq -an src/s1
send_to full --compress none src/s1

# cut_off NAME: it waits in dst/NAME
cut_off() {
  head -c 2000K full > cut.bsr
  expect_rc 11 receive_from cut.bsr --pool dst/pool "dst/$1"
}

echo "== as it was"
cut_off still
ship "-t $(bsr-recv -t dst/still)" dst/still > /dev/null
expect_equal src/s1 "$(newest_generation dst/still)"

echo "== somebody wrote to the working copy, where it has been and where the stream has nothing"
cut_off copy
lvchange -qq -ay -K dst/copy.bsr-recv
write_random dst/copy.bsr-recv 512 8 3
lvchange -qq -an dst/copy.bsr-recv
honest src/s1 "-t $(bsr-recv -t dst/copy)" dst/copy dst/copy

echo "== the snapshot was written to, in a place that was sent"
cut_off source
lvchange -qq -ay -K src/s1
write_random src/s1 64 8 4
lvchange -qq -an src/s1
honest src/s1 "-t $(bsr-recv -t dst/source)" dst/source dst/source

echo "== the base was, and the change is cut"
thin_volume src/pool vol2 4M
write_random src/vol2 0 4096 1
snapshot src/vol2 a
lvchange -qq -ay -K src/a
write_random src/a 3900 8 2
lvchange -qq -an src/a
ship src/a '--pool dst/pool dst/base' > /dev/null
snapshot src/a b
lvchange -qq -ay -K src/b
write_random src/b 0 3000 6
lvchange -qq -an src/b
send_to change --compress none --patch never -i src/a src/b
head -c 1000K change > cut.bsr
expect_rc 11 receive_from cut.bsr dst/base
token=$(bsr-recv -t dst/base)
lvchange -qq -ay -K src/a
write_random src/a 3900 8 7
lvchange -qq -an src/a
honest src/b "-t $token" dst/base dst/base
