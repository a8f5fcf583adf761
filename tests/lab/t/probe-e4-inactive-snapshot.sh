#!/bin/bash
# lab: solo disks=128M,128M timeout=180
# E4: a full send of a snapshot as LVM makes them, inactive and skipped by activation. thin_send
# failed ("failed to open"): only its delta path activated. Ours: it is sent, and as inactive
# after it as before; one that was active stays active.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 48M
make_pool dst /dev/vdb pool 64k -L 48M
thin_volume src/pool vol 8M
write_random src/vol 0 4096 1
snapshot src/vol s1
write_random src/vol 1000 1000 2
snapshot src/vol s2
lvchange -qq -pr src/s2

if active src/s1; then fail "s1 should be inactive to begin with"; fi
uuid=$(ship src/s1 '--pool dst/pool dst/copy')
expect_same "$(lvs --noheadings -o lv_uuid src/s1 | tr -d ' ')" "$uuid" "identity"
if active src/s1; then fail "s1 stays active"; fi
ship '-i src/s1 src/s2' dst/copy
if active src/s1 || active src/s2; then fail "a snapshot stays active"; fi
expect_equal src/s2 "$(newest_generation dst/copy)"

lvchange -qq -K -ay src/s1
send_to again.bsr src/s1
active src/s1
if metadata_snapshot_held src/pool; then fail "the metadata snapshot is still held"; fi
for volume in dst/copy.bsr-recv $(generations dst/copy); do
  if active "$volume"; then fail "$volume stays active"; fi
done

# With its whole pool inactive it is sent too, and the pool is put back.
vgchange -qq -an src
send_to cold.bsr src/s1
if active src/s1 || active src/vol; then fail "something stays active"; fi
cmp again.bsr cold.bsr
