#!/bin/bash
# lab: solo disks=96M,96M timeout=120
# The first transfer, of everything, is cut: the command that is printed continues it, as it stands.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 48M
make_pool dst /dev/vdb pool 64k -L 48M
thin_volume src/pool vol 4M
write_random src/vol 0 4096 1
snapshot src/vol s1
send_to full.bsr src/s1
head -c 2500K full.bsr > cut.bsr
expect_rc 11 receive_from cut.bsr --pool dst/pool dst/copy
grep -x ' *bsr-send -t bsr1\..*| bsr-recv .*dst/copy' <<< "$OUTPUT" > continue.sh
[[ $(. ./continue.sh) == 'committed '* ]]
expect_equal src/s1 "$(newest_generation dst/copy)"
