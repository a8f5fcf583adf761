#!/bin/bash
# lab: solo disks=128M,128M timeout=300
# E6: the delta s2..s3 onto a target that holds s1. thin_recv applied it, reported success, and
# the copy was neither. Ours: 13 when the base is not there, 14 when it is an older generation or
# when somebody wrote to the target; nothing is changed.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 48M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 4M
for i in 1 2 3; do
  write_random src/vol $((i * 512)) 1024 $i
  snapshot src/vol "s$i"
done
send_to 12.bsr -i src/s1 src/s2
send_to 23.bsr -i src/s2 src/s3
send_to 13.bsr -i src/s1 src/s3

# refused CODE FILE ARG...: and nothing has changed.
refused() {
  local code=$1 before
  before=$(generations dst/copy && sum "$(newest_generation dst/copy)")
  expect_rc "$code" receive_from "${@:2}"
  expect_same "$before" "$(generations dst/copy && sum "$(newest_generation dst/copy)")" "the target"
}

expect_rc 13 receive_from 12.bsr --pool dst/pool dst/copy  # nothing there yet
ship src/s1 '--pool dst/pool dst/copy'
refused 13 23.bsr dst/copy
receive_from 12.bsr dst/copy
refused 14 13.bsr dst/copy
refused 0 12.bsr dst/copy  # a repetition is acknowledged again

# The working copy is the witness.
lvchange -qq -K -ay dst/copy.bsr-recv
write_random dst/copy.bsr-recv 3000 4 9
lvchange -qq -an dst/copy.bsr-recv
changed=$(sum dst/copy.bsr-recv)
refused 14 23.bsr dst/copy
expect_same "$changed" "$(sum dst/copy.bsr-recv)" "what somebody wrote"
lvremove -qq -y dst/copy.bsr-recv
receive_from 23.bsr dst/copy
expect_equal src/s3 "$(newest_generation dst/copy)"

# A plain target remembers nothing: the caller says what it holds.
truncate -s 4M file
first=$(ship src/s1 ./file)
before=$(sum "$PWD/file")
expect_rc 13 receive_from 23.bsr --base "$first" ./file
expect_rc 13 receive_from 12.bsr ./file
expect_same "$before" "$(sum "$PWD/file")" "the file"
receive_from 12.bsr --base "$first" ./file
expect_equal src/s2 "$PWD/file"
