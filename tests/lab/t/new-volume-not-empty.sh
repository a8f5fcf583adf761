#!/bin/bash
# lab: solo disks=96M,96M timeout=240 both-kernels
# A thin device that LVM does not know, left by a crash between the pool's metadata and LVM's or by a restored backup of LVM's, has the
# number that LVM gives out next: lvcreate succeeds, and the new volume shows what the old device holds. It is not taken for an empty one, and what
# it holds is not lost.
set -euo pipefail
. /lab/lib.sh
make_pool src /dev/vda pool 64k -L 48M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 4M
write_random src/vol 0 2048 1
snapshot src/vol s1
thin_volume dst/pool keep 4M

# orphan NUMBER SEED: such a device; its sum in $orphan.
orphan() {
  dmsetup message dst-pool-tpool 0 "create_thin $1"
  dmsetup create old --table "0 8192 thin /dev/mapper/dst-pool-tpool $1"
  write_random /dev/mapper/old 0 4096 "$2"
  orphan=$(sum /dev/mapper/old)
  dmsetup remove old
}

echo "one"
orphan 2 99
bsr-send src/s1 | bsr-recv --pool dst/pool dst/copy 2> said
cat said
expect_equal src/s1 "$(newest_generation dst/copy)"
grep -q 'dst/copy.bsr-found-2' said || fail "what was found has no name: $(cat said)"
expect_same "$orphan" "$(sum dst/copy.bsr-found-2)" "what the old device holds"
expect_same '' "$(lvs --noheadings -o lv_tags dst/copy.bsr-found-2 | tr -d ' ')" "tags of what was found"

echo "two in a row, of which one is empty"
lvremove -qq -y dst/copy.bsr-found-2
next=$(($(lvs --noheadings -o thin_id dst | sort -n | tail -n 1) + 1))
orphan "$next" 98
dmsetup message dst-pool-tpool 0 "create_thin $((next + 1))"
bsr-send src/s1 | bsr-recv --pool dst/pool dst/other 2> said
expect_equal src/s1 "$(newest_generation dst/other)"
expect_same "$orphan" "$(sum "dst/other.bsr-found-$next")" "what the old device holds"
