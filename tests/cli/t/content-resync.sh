#!/bin/bash
# What differs is found from a content map, without a common base: copies that are old, damaged, of another size or half
# written become the snapshot, and only what differs is shipped.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

mib=1048576
truncate -s 20M v1
write_random v1 0 9000 1
write_random v1 12288 8192 2
make_pool 64 v1
id=$(identity 1)

# resync TARGET MIB: the target becomes v1; that many MiB are shipped
resync() {
  bsr-recv --digests "$1" > map
  bsr-send "${POOL[@]}" --compress none --against map 1 > stream
  local wire
  wire=$(stat -c %s stream)
  ((wire >= $2 * mib && wire < $2 * mib + 20000)) || fail "$wire bytes are shipped, $2 MiB differ"
  expect_same "committed $id" "$(bsr-recv "$1" < stream)" "answer"
  expect_equal v1 "$1"
}

# Damage of one byte, in the first, the last and some leaf between.
cp v1 target
for at in 0 5000000 $((20 * mib - 1)); do
  flip_byte target $at
  resync ./target 1
done
resync ./target 0
# An old copy: other content, content where zeros belong, holes where content belongs.
write_random target 3000 200 3
write_random target 10240 1024 4
fallocate --punch-hole --offset $((14 * mib)) --length $((2 * mib)) target
resync ./target 4
# Another size, whole sectors.
for size in 0 512 $((7 * mib + 1024)) $((20 * mib - 512)) $((20 * mib + 512)) $((25 * mib)); do
  cp v1 target
  truncate -s "$size" target
  ((size <= 20 * mib)) || write_random target 20480 4 5
  bsr-recv --digests ./target | bsr-send "${POOL[@]}" --against /dev/stdin 1 | bsr-recv ./target > said
  expect_equal v1 target
done
# The other way round: the snapshot is small and the copy large, and neither ends with a MiB.
head -c 3000832 v1 > small
make_pool 64 small
bsr-recv --digests ./target > map
send_to stream --size 3000832 --against map 1
receive_from stream ./target > said
expect_equal small target
make_pool 64 v1

# It is what END says, which is what bsr-stream digest says.
expect_rc ok bsr-recv --digests ./small
bsr-recv --digests ./small | cmp - <(bsr-stream digest -o small.map small > root && cat small.map)
cp small target
bsr-recv --digests ./target > map
bsr-send "${POOL[@]}" -v --against map 1 > stream 2> err
grep -q "content root $(bsr-stream digest v1), read 17.0 MiB" err || fail "said: $(< err)"
bsr-stream dump --json stream > frames
tail -n 1 frames | grep -q "\"content_root\":\"$(bsr-stream digest v1)\""
head -n 1 frames | grep -q "\"base\":\"content:$(head -c 40 root)\""
expect_same "committed $id $(bsr-stream digest v1)" "$(bsr-recv --ack ./target < stream | tail -n 1)" "answer"

# The plan says exactly what comes.
flip_byte target 1
flip_byte target 15000000
bsr-recv --digests ./target > map
bsr-send "${POOL[@]}" -n -P --against map 1 > plan
expect_same "size	$((2 * mib))" "$(tail -n 1 plan)" "plan"
expect_same "incremental	content:$(bsr-stream digest target | head -c 40)	1	$((2 * mib))" "$(head -n 1 plan)" "plan"

# Another target than the map is of, or one that was written to since: not touched.
send_to stream --against map 1
flip_byte target 2
expect_refused base target receive_from stream ./target
expect_says 'bsr-recv --digests'
expect_refused base v1 receive_from stream ./v1
expect_refused base ./missing receive_from stream ./missing
expect_refused base target receive_from stream --base "$id" ./target
flip_byte target 2
expect_rc ok receive_from stream -n ./target
expect_rc ok receive_from stream ./target
expect_equal v1 target

# Interrupted while it is written in place: what came stays good, and less is left.
head -c 9M /dev/zero > target
truncate -s 20M target
bsr-recv --digests ./target > map
send_to stream --compress none --against map 1
expect_rc truncated bsr-recv ./target < <(head -c 6000000 stream)
expect_says 'bsr-recv --digests'
expect_same '' "$(bsr-recv -t ./target)" "token"
bsr-recv --digests ./target > map
send_to rest --compress none --against map 1
(($(stat -c %s rest) < $(stat -c %s stream) - 4 * mib)) || fail "nothing is gained"
receive_from rest ./target > said
expect_equal v1 target

# A map that is damaged, cut, or none.
flip_byte map 70
expect_rc corrupt bsr-send "${POOL[@]}" --against map 1
expect_rc corrupt bsr-send "${POOL[@]}" --against /dev/stdin 1 < map
expect_rc corrupt bsr-send "${POOL[@]}" --against v1 1
expect_rc corrupt bsr-send "${POOL[@]}" --against /dev/stdin 1 < <(head -c 1000 v1)
expect_rc corrupt bsr-send "${POOL[@]}" --against /dev/null 1
expect_rc failed bsr-send "${POOL[@]}" --against missing 1
printf 'x' > odd
bsr-recv --digests ./odd > map
expect_rc usage bsr-send "${POOL[@]}" --against map 1
bsr-recv --digests ./v1 > map
expect_rc usage bsr-send "${POOL[@]}" --against map -i 1 1
expect_rc usage bsr-send "${POOL[@]}" --against map --format thin-1.1 1
expect_rc usage bsr-recv --digests -t ./target
expect_rc usage bsr-recv --digests -A ./target
expect_rc usage bsr-recv --digests --json ./target
expect_rc failed bsr-recv --digests ./missing
