#!/bin/bash
# Without root: what a user may do with files of their own, and what they are told otherwise.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 256K v1
write_random v1 0 256 1
cp v1 v2
write_random v2 60 10 2
make_pool 64 v1 v2
send_to full 1
send_to delta -i 1 2
mkdir theirs ours
chmod 755 .
if ((EUID == 0)); then
  chown nobody ours
  as_nobody() { setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"; }
else
  chmod 555 theirs
  as_nobody() { "$@"; }
fi
# They may have been built where only root may look.
mkdir bin
cp "$(command -v bsr-send)" "$(command -v bsr-recv)" "$(command -v bsr-stream)" bin
PATH=$PWD/bin:$PATH

# "neither root nor device-mapper is needed", for the example of bsr-send(8).
cp pool.meta pool.data ours
chmod a+r ours/*
# shellcheck disable=SC2016
as_nobody bash -e -o pipefail -c 'cd ours
  bsr-send --metadata pool.meta --data pool.data 1 | bsr-recv disk.img
  bsr-send --metadata pool.meta --data pool.data -i 1 2 | bsr-recv --base "$1" disk.img
  bsr-send --metadata pool.meta --data pool.data -o all.bsr 2
  bsr-stream verify all.bsr' bash "$(identity 1)" > said
expect_same "committed $(identity 1)
committed $(identity 2)" "$(head -n 2 said)" "what a user gets"
expect_equal v2 ours/disk.img

expect_refused failed ./theirs/new as_nobody bsr-recv ./theirs/new < full
expect_says 'theirs/new: .*Permission denied'
cp v2 theirs/old
chmod 444 theirs/old
expect_refused failed ./theirs/old as_nobody bsr-recv ./theirs/old < full
expect_says 'theirs/old: .*Permission denied'
expect_refused failed ./theirs/stream as_nobody bsr-send "${POOL[@]}" -o ./theirs/stream 1
expect_says 'theirs/stream: .*Permission denied'
chmod 000 pool.data
if as_nobody test ! -r pool.data; then
  expect_rc failed as_nobody bsr-send "${POOL[@]}" -o ./ours/stream 1
  expect_says 'pool.data: .*Permission denied'
fi
chmod 644 pool.data
chmod 000 pool.meta
if as_nobody test ! -r pool.meta; then
  expect_rc failed as_nobody bsr-send "${POOL[@]}" -o ./ours/stream 1
  expect_says 'pool.meta: .*Permission denied'
fi
[[ ! -e ours/stream ]] || fail "a stream was made"

# LVM needs root, and says so.
expect_rc failed as_nobody bsr-send vg/volume
expect_advice root
expect_rc failed as_nobody bsr-recv vg/volume < full
expect_advice root
