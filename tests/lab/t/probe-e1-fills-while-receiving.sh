#!/bin/bash
# lab: solo disks=128M,160M timeout=240
# E1, the pool fills up while a stream is applied: it had room when the stream began, then
# somebody else took it. thin_recv reported success. Ours: 15, and the last generation is whole.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 48M
lvchange -qq --errorwhenfull y dst/pool
thin_volume src/pool vol 32M
write_random src/vol 0 4096 1
snapshot src/vol s1
write_random src/vol 4096 20480 2
snapshot src/vol s2
send_to delta.bsr -i src/s1 src/s2
ship src/s1 '--pool dst/pool dst/copy'

room=$(free_kib dst/pool)
mkfifo stream
bsr-recv dst/copy < stream > said 2>&1 &
receiver=$!
exec 3> stream
head -c 2M delta.bsr >&3
until (($(free_kib dst/pool) < room - 1024)); do sleep 0.2; done
fill_pool dst/pool 256 3>&-
tail -c +$((2 * 1024 * 1024 + 1)) delta.bsr >&3 || echo "the receiver did not read to the end"
exec 3>&-
expect_rc 15 wait $receiver
cat said
expect_same 1 "$(generations dst/copy | wc -l)" "number of generations"
expect_equal src/s1 "$(newest_generation dst/copy)"

lvremove -qq -y dst/filler
send_to rest.bsr -t "$(bsr-recv -t dst/copy)"
receive_from rest.bsr dst/copy
expect_equal src/s2 "$(newest_generation dst/copy)"
