#!/bin/bash
# lab: solo disks=96M,96M timeout=180
# While a delta is applied another volume takes nearly all room of the receiver's pool at once. The fill is watched: the
# receiver stops with 15 before it has written the pool full, in which every write would wait.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 48M
make_pool dst /dev/vdb pool 64k -L 48M
thin_volume src/pool vol 16M
write_random src/vol 0 1024 1
snapshot src/vol s1
ship src/s1 '--pool dst/pool dst/copy'
write_random src/vol 2048 12288 2
snapshot src/vol s2
send_to delta.bsr -i src/s1 src/s2

room=$(free_kib dst/pool)
mkfifo stream
bsr-recv dst/copy < stream > said 2>&1 &
receiver=$!
exec 3> stream
head -c 2304K delta.bsr >&3
until (($(free_kib dst/pool) < room - 1536)); do sleep 0.2; done
fill_pool dst/pool 2048 3>&-
tail -c +$((2304 * 1024 + 1)) delta.bsr >&3 || echo "the receiver did not read to the end"
exec 3>&-
expect_rc 15 wait $receiver
cat said
[[ $(pool_status dst/pool) == *' rw '* ]] || fail "the pool: $(pool_status dst/pool)"
(($(free_kib dst/pool) >= 128)) || fail "the reserve is gone: $(pool_status dst/pool)"

lvremove -qq -y dst/filler
send_to rest.bsr -t "$(bsr-recv -t dst/copy)"
receive_from rest.bsr dst/copy
expect_equal src/s2 "$(newest_generation dst/copy)"
