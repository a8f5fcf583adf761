#!/bin/bash
# lab: solo disks=96M,96M timeout=600 both-kernels
# The base is written to (a mount that replays a journal does that) and the next snapshot goes on from it, so that both
# share what was written. After it was shipped: refused. Before: it stood still since, and what it got before is shipped.
set -euo pipefail
. /lab/lib.sh
make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 4M
write_random src/vol 0 2048 1
snapshot src/vol s1
# written SNAPSHOT OFFSET_KIB LENGTH_KIB SEED
written() {
  lvchange -qq -ay -K "$1"
  write_random "$@"
  lvchange -qq -an "$1"
}
written src/s1 3000 64 40
ship src/s1 '--pool dst/pool dst/copy'
snapshot src/s1 s2
for engine in native check thin-tools; do
  bsr-send --delta-engine $engine -i src/s1 src/s2 > "change-$engine"
done
cmp change-native change-check
cmp change-native change-thin-tools
expect_rc 0 receive_from change-native dst/copy
expect_equal src/s2 "$(newest_generation dst/copy)"

# In a new place, which is a mapping more.
written src/s2 200 64 50
snapshot src/s2 s3
bsr-send -i src/s2 src/s3 > change
expect_rc 14 receive_from change dst/copy
lvremove -qq -y src/s3
bsr-recv --digests dst/copy > there
bsr-send --against there src/s2 | bsr-recv dst/copy
expect_equal src/s2 "$(newest_generation dst/copy)"

# In the place that it had written before, which leaves no trace at all: shipped right.
written src/s2 200 64 51
snapshot src/s2 s4
written src/s4 1000 1 52
bsr-send -i src/s2 src/s4 > change
expect_rc 0 receive_from change dst/copy
expect_equal src/s4 "$(newest_generation dst/copy)"
