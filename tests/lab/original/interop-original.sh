#!/bin/bash
# lab: solo disks=256M timeout=600
# Both ways between bsr and the original thin_send and thin_recv 1.1.x: full streams and changes with discards, in
# the format that they speak. Equal chunk sizes, for theirs cannot do others.
set -euo pipefail
. /lab/lib.sh

mkdir -p /lab/original
ln -sf /usr/local/bin/thin_send_recv /lab/original/thin_send  # the name is the mode
ln -sf /usr/local/bin/thin_send_recv /lab/original/thin_recv
PATH=$PATH:/lab/original

make_pool vg /dev/vda pool 64k -L 192M
thin_volume vg/pool data 16M
write_random vg/data 0 4096 1
write_random vg/data 8192 300 2
snapshot vg/data s1
write_random vg/data 1000 500 3
write_zero vg/data 2048 512
discard vg/data 3072 512
discard vg/data 8192 64
write_random vg/data 12000 1 4
snapshot vg/data s2
thin_volume vg/pool copy 16M

# their sender wants an active snapshot for a full stream
lvchange -qq -K -ay vg/s1
thin_send vg/s1 > theirs-full.thin
lvchange -qq -an vg/s1
thin_send vg/s1 vg/s2 > theirs-delta.thin

# theirs into ours
receive_from theirs-full.thin --legacy-as full /dev/vg/copy
expect_equal vg/s1 vg/copy
receive_from theirs-delta.thin --legacy-as delta /dev/vg/copy
expect_equal vg/s2 vg/copy

# ours is theirs, byte for byte or at least in effect
for format in thin-1.1 thin-1.0; do
  send_to "ours-full.$format" --format "$format" vg/s1
  send_to "ours-delta.$format" --format "$format" -i vg/s1 vg/s2
  lvremove -qq -y vg/copy
  thin_volume vg/pool copy 16M
  thin_recv vg/copy < "ours-full.$format"
  expect_equal vg/s1 vg/copy
  thin_recv vg/copy < "ours-delta.$format"
  expect_equal vg/s2 vg/copy
done
cmp theirs-delta.thin ours-delta.thin-1.1
