#!/bin/bash
# Threads and compression change how a stream is packed and not what it means.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 2M v1
write_random v1 0 512 1
write_text v1 600 600 'again and again'
seq 100000 | dd of=v1 bs=64K seek=1M oflag=seek_bytes conv=notrunc iflag=fullblock status=none
cp v1 v2
write_text v2 100 300 'other words'
write_random v2 1000 100 2
make_pool 64 v1 v2
digest_of() { bsr-stream verify "$1" | sed -nE 's/.* digest ([0-9a-f]+)$/\1/p'; }

send_to plain --size 2097152 --threads 0 --compress none 1
digest=$(digest_of plain)
[[ $digest =~ ^[0-9a-f]{64}$ ]] || fail "no digest: $(bsr-stream verify plain)"
for compress in none zstd zstd:1 zstd:19; do
  for threads in 0 1 4; do
    send_to "full-$threads" --size 2097152 --threads "$threads" --compress "$compress" 1
    expect_same "$digest" "$(digest_of "full-$threads")" "digest with $compress, $threads threads"
    send_to "delta-$threads" --size 2097152 --threads "$threads" --compress "$compress" -i 1 2
  done
  expect_equal full-0 full-1
  expect_equal full-0 full-4
  expect_equal delta-0 delta-4
  rm -f target
  receive_from full-4 target > /dev/null
  expect_equal v1 target
  receive_from delta-4 target --base "$(identity 1)" > /dev/null
  expect_equal v2 target
  cp full-0 "size.$compress"
done
(($(stat -c %s size.zstd:1) < $(stat -c %s size.none) / 2)) || fail "zstd:1 does not compress"
(($(stat -c %s size.zstd:19) < $(stat -c %s size.zstd:1))) || fail "zstd:19 takes no less than zstd:1"

# What is said about defaults, and -c.
send_to default --size 2097152 1
send_to c --size 2097152 -c 1
send_to level3 --size 2097152 --compress zstd:3 1
expect_equal size.zstd default
expect_equal size.zstd c
expect_equal size.zstd level3

# Frames that do not shrink are sent as they are: some of this stream, not all.
bsr-stream dump --json default > frames
grep '"type":"DATA"' frames > data
grep -q '"zstd":true' data || fail "nothing is compressed: $(< data)"
grep -qv '"zstd":true' data || fail "random data is compressed: $(< data)"

for wrong in lz4 zstd:0 zstd:20 zstd: zstd:x ''; do
  expect_rc usage bsr-send "${POOL[@]}" --compress "$wrong" 1
  expect_advice "--compress $wrong"
done
for wrong in -1 65 x; do
  expect_rc usage bsr-send "${POOL[@]}" --threads "$wrong" 1
  expect_says '--threads' "$wrong" '0 .*64'
done
