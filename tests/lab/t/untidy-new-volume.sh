#!/bin/bash
# lab: solo disks=160M,160M timeout=120 both-kernels
# The first transfer is cut, and before it is continued somebody writes to the new working copy where the volume has
# nothing: no frame of the rest names that place. And an orphan is there when the generation is to be made.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 12M
write_random src/vol 0 4096 1
write_random src/vol 8192 1024 1
snapshot src/vol s1
send_to full --compress none src/s1
head -c 2000K full > cut.bsr
expect_rc 11 receive_from cut.bsr --pool dst/pool dst/copy
lvchange -qq -ay -K dst/copy.bsr-recv
write_random dst/copy.bsr-recv 6000 64 2
lvchange -qq -an dst/copy.bsr-recv
honest src/s1 "-t $(bsr-recv -t dst/copy)" dst/copy dst/copy
if [[ $OUTCOME == refused ]]; then
  bsr-recv -A dst/copy
  ship src/s1 '--pool dst/pool dst/copy' > /dev/null
fi
expect_equal src/s1 "$(newest_generation dst/copy)"

# Orphans under the next numbers: the pool refuses to make the generation, or the next copy.
write_random src/vol 1000 1024 3
snapshot src/vol s2
bsr-recv -A dst/copy
next=$(($(lvs --noheadings -o thin_id dst | sort -n | tail -n 1) + 2))
dmsetup message dst-pool-tpool 0 "create_thin $next"
dmsetup create old --table "0 24576 thin /dev/mapper/dst-pool-tpool $next"
write_random /dev/mapper/old 0 4096 99
dmsetup remove old
status=0
bsr-send -i src/s1 src/s2 | bsr-recv dst/copy > said 2>&1 || status=$?
cat said
if ((status)); then
  # What came is kept, and the message names what continues it once the pool is in order.
  dmsetup message dst-pool-tpool 0 "delete $next" || true
  command=$(sed -nE 's/^ *(bsr-send -t [^|]*\| *bsr-recv .*)$/\1/p' said)
  if [[ $command ]]; then eval "$command"; else ship '-i src/s1 src/s2' dst/copy; fi
fi
expect_equal src/s2 "$(newest_generation dst/copy)"
