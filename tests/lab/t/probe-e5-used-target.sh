#!/bin/bash
# lab: solo disks=128M,128M timeout=180
# E5: a full send onto a target that holds something. thin_send names only what is mapped, so
# thin_recv left the target's old data in all other places, and reported success. Ours: a plain
# target reads as zeros there; a managed one with generations is refused with 13.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 48M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 8M
write_random src/vol 1000 100 1
write_random src/vol 6144 1024 1
snapshot src/vol s1

thin_volume dst/pool thin 8M
lvcreate -qq -y -Wn -L 8M -n linear dst
truncate -s 8M file
for target in /dev/dst/thin /dev/dst/linear "$PWD/file"; do
  write_random "$target" 0 8192 7
  ship src/s1 "$target"
  expect_equal src/s1 "$target"
done

# A file that does not exist is there only when it is whole.
send_to full.bsr src/s1
head -c 100000 full.bsr > cut.bsr
expect_rc 11 receive_from cut.bsr ./new
[[ ! -e new ]]
receive_from full.bsr ./new
expect_equal src/s1 "$PWD/new"

ship src/s1 '--pool dst/pool dst/copy'
snapshot src/vol s2
send_to other.bsr src/s2
expect_rc 13 receive_from other.bsr --pool dst/pool dst/copy
expect_same 1 "$(generations dst/copy | wc -l)" "number of generations"
expect_equal src/s1 "$(newest_generation dst/copy)"
