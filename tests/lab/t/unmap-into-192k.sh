#!/bin/bash
# lab: solo disks=96M,96M timeout=300 both-kernels
# Chunks whose size is no power of two: the kernel answers 0 to a discard of such chunks and unmaps some of them, or none. What the
# source unmapped reads as zeros all the same, in a generation and in a plain volume, in pools that zero new chunks and
# in those that do not.
set -euo pipefail
. /lab/lib.sh

# The kernel does that: else this test shows nothing.
make_pool dst /dev/vdb pool 192k -L 28M
thin_volume dst/pool probe 3M
write_random dst/probe 0 3072 5
discard dst/probe 384 768
read -ra words < <(dmsetup status dst-probe)
((words[3] > 6144 - 1536)) || fail "a discard of whole chunks left ${words[3]} sectors mapped, so this test shows nothing"
lvremove -qq -y dst

# unmapped_here CHUNK_KIB SOURCE_CHUNK [LVCREATE_ARG...]
unmapped_here() {
  local chunk=$1 source=$2 full
  shift 2
  make_pool src /dev/vda pool "$source" -L 28M
  make_pool dst /dev/vdb pool "${chunk}k" -L 28M "$@"
  # Old content, for new chunks to show.
  thin_volume dst/pool old 24M
  write_random dst/old 0 24576 9
  lvremove -qq -y dst/old
  thin_volume src/pool vol 6M
  write_random src/vol 0 6144 1
  snapshot src/vol s1
  discard src/vol 0 $((4 * chunk)) # whole chunks there
  discard src/vol $((5 * chunk + 64)) $((2 * chunk))
  write_zero src/vol 4608 768
  snapshot src/vol s2
  ship src/s1 '--pool dst/pool dst/copy'
  ship '-i src/s1 src/s2' dst/copy
  expect_equal src/s2 "$(newest_generation dst/copy)"

  thin_volume dst/pool plain 6M
  full=$(ship src/s1 /dev/dst/plain)
  ship "-i src/s1 src/s2" "--base $full /dev/dst/plain"
  expect_equal src/s2 dst/plain
  # A full stream over what is there.
  ship src/s2 /dev/dst/plain
  expect_equal src/s2 dst/plain
  lvremove -qq -y dst src
}
unmapped_here 192 64k
unmapped_here 448 64k
unmapped_here 192 64k -Zn
unmapped_here 256 192k
unmapped_here 192 448k
