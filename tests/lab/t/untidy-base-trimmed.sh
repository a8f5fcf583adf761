#!/bin/bash
# lab: solo disks=160M,160M timeout=120 both-kernels
# A chunk of the shipped base is discarded and another one written, which had been written to before it was shipped: as many
# chunks are mapped as were, and none is younger. The next snapshot is one of that base.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 8M
write_random src/vol 0 2048 1
snapshot src/vol s1
lvchange -qq -ay -K src/s1
write_random src/s1 4096 64 2
lvchange -qq -an src/s1
ship src/s1 '--pool dst/pool dst/copy' > /dev/null

lvchange -qq -ay -K src/s1
discard src/s1 640 64
write_random src/s1 4160 64 3
lvchange -qq -an src/s1
snapshot src/s1 s2
honest src/s2 '-i src/s1 src/s2' dst/copy dst/copy

# Only discarded, and the volume too: nothing is younger, nothing differs.
bsr-recv -A dst/copy
if [[ $OUTCOME == refused ]]; then
  bsr-recv --digests dst/copy > map
  ship '--against map src/s2' dst/copy > /dev/null
fi
lvchange -qq -ay -K src/s2
discard src/s2 1280 64
lvchange -qq -an src/s2
snapshot src/s2 s3
honest src/s3 '--content-digest -i src/s2 src/s3' dst/copy dst/copy
