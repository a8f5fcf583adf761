#!/bin/bash
# lab: solo disks=128M,128M timeout=240 both-kernels
# E2: the pools have different chunk sizes. thin_recv discarded 64 KiB on a target with chunks of
# 256 KiB; dm-thin silently ignores what is not a whole chunk, so old data stayed and the program
# reported success. Ours: the copy is equal, in both directions, into a generation and a device.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 256k -L 64M

# unmap_some VG: parts of chunks of 256 KiB, whole ones, and both at once.
unmap_some() {
  discard "$1/vol" 0 256
  discard "$1/vol" 2048 512
  discard "$1/vol" 4096 256
  if [[ $1 == src ]]; then
    discard src/vol 1088 64
    discard src/vol 3008 320
    discard src/vol 8128 64
  fi
}

# there_and_equal FROM TO
there_and_equal() {
  local full delta
  thin_volume "$1/pool" vol 8M
  write_random "$1/vol" 0 8192 1
  snapshot "$1/vol" s1
  unmap_some "$1"
  write_random "$1/vol" 5000 100 2
  snapshot "$1/vol" s2
  ship "$1/s1" "--pool $2/pool $2/copy"
  ship "-i $1/s1 $1/s2" "$2/copy"
  expect_equal "$1/s2" "$(newest_generation "$2/copy")"

  thin_volume "$2/pool" plain 8M
  full=$(ship "$1/s1" "/dev/$2/plain")
  delta=$(ship "-i $1/s1 $1/s2" "--base $full /dev/$2/plain")
  expect_equal "$1/s2" "$2/plain"
  [[ $full != "$delta" ]]
}

there_and_equal src dst
there_and_equal dst src
