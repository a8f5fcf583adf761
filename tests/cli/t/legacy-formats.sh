#!/bin/bash
# The two formats of thin_send: written by bsr-send, read by bsr-recv and bsr-stream; those that a script wrote.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"
# shellcheck source=tests/cli/legacy.sh
. "$CLI/legacy.sh"

truncate -s 2M v1
write_random v1 0 700 1
write_text v1 1100 300 text
cp v1 v2
write_random v2 10 100 2
write_zero v2 256 128
write_random v2 2040 8 3
cp v2 v3
make_pool 64 v1 v2 v3
rewrite_same 2 5 24
SIZE=2097152

for format in thin-1.0 thin-1.1; do
  send_to full --format $format --size $SIZE 1
  send_to delta --format $format --size $SIZE -i 1 2
  case $format in
    thin-1.0) expect_same $MAGIC_10 "$(od -An -tx1 -N8 full | tr -d ' ')" "first bytes" ;;
    thin-1.1) expect_same $MAGIC_11 "$(od -An -tx1 -N8 full | tr -d ' ')" "first bytes" ;;
  esac
  for stream in full delta; do
    expect_rc ok bsr-stream verify $stream
    expect_says '^ok '
    expect_rc ok bsr-stream dump $stream
  done
  # With `full`, areas that the stream does not name become zero.
  write_random target 0 2048 9
  expect_rc ok receive_from full --legacy-as full target
  expect_same 'committed legacy' "$OUTPUT" "output"
  expect_equal v1 target
  expect_rc ok receive_from delta "${AS_DELTA[@]}" target
  expect_same 'committed legacy' "$OUTPUT" "output"
  expect_equal v2 target
  # As a delta, a full stream leaves the rest alone.
  write_random target 0 2048 9
  cp target expected
  dd if=v1 of=expected bs=64K count=11 conv=notrunc status=none
  dd if=v1 of=expected bs=64K skip=17 seek=17 count=5 conv=notrunc status=none
  expect_rc ok receive_from full "${AS_DELTA[@]}" target
  expect_equal expected target

  # What is needed, and what is refused.
  cp v1 target
  expect_refused usage target receive_from full target
  expect_says legacy-as full delta
  expect_refused base ./missing receive_from full ./missing --legacy-as full
  expect_advice missing
  expect_refused base ./missing receive_from delta ./missing "${AS_DELTA[@]}"
  expect_refused usage target receive_from full vg/target --legacy-as full
  expect_refused usage target receive_from delta vg/target --legacy-as delta
  truncate -s 1M target
  expect_refused base target receive_from delta -n target "${AS_DELTA[@]}"
  # Without any change thin-1.0 is no bytes at all, which no reader can tell from a sender that failed.
  bsr-send "${POOL[@]}" --format $format --size $SIZE -i 2 3 > nothing 2> err
  case $format in
    thin-1.0)
      OUTPUT=$(< err)
      expect_says 'nothing is to be sent.* receive nothing, or use --format thin-1.1'
      [[ ! -s nothing ]] || complain "not empty"
      ;;
    thin-1.1)
      expect_same '' "$(< err)" "warning"
      expect_rc ok receive_from nothing "${AS_DELTA[@]}" target
      ;;
  esac
  # They carry no compression and no identities.
  send_to again --format $format --size $SIZE --compress none --threads 0 -i 1 2
  expect_equal delta again
done

# A stream of format 1 says itself what it is: --legacy-as is without effect.
send_to full --size $SIZE 1
send_to delta --size $SIZE -i 1 2
rm -f target
expect_rc ok receive_from full target --legacy-as delta
expect_equal v1 target
expect_refused base target receive_from delta target --legacy-as full
expect_rc ok receive_from delta target --legacy-as full --base "$(identity 1)"
expect_equal v2 target

# Written by a script; each word of data is its own offset.
# words FILE OFFSET LENGTH: puts that data there.
words() {
  perl -e 'print pack("Q<*", map { $_ * 8 } $ARGV[0] / 8 .. ($ARGV[0] + $ARGV[1]) / 8 - 1)' "$2" "$3" |
    dd of="$1" bs=512 seek=$(($2 / 512)) conv=notrunc status=none
}
truncate -s 128K full
words full 0 1536
words full 65536 2048
write_random before 0 128 7
cp before delta
words delta 0 1024
dd if=/dev/zero of=delta bs=4K seek=1 count=1 conv=notrunc status=none
words delta 16384 512
dd if=/dev/zero of=delta bs=4K seek=16 count=2 conv=notrunc status=none
for format in 1.0 1.1; do
  cp --remove-destination before target
  expect_rc ok receive_from "$GOLDEN/full-$format" --legacy-as full target
  rm -f expected
  head -c 131072 /dev/zero > expected
  words expected 0 1536
  words expected 65536 2048
  expect_equal expected target
  cp --remove-destination before target
  expect_rc ok receive_from "$GOLDEN/delta-$format" "${AS_DELTA[@]}" target
  expect_equal delta target
done
cp --remove-destination before target
expect_rc ok receive_from "$GOLDEN/optional-1.1" "${AS_DELTA[@]}" target
cp before expected
words expected 512 512
expect_equal expected target
cp --remove-destination before target
expect_rc ok receive_from "$GOLDEN/empty-1.1" "${AS_DELTA[@]}" target
expect_equal before target
expect_rc ok receive_from "$GOLDEN/empty-1.1" --legacy-as full target
expect_equal <(head -c 131072 /dev/zero) target

# "Older than those. Not read."
for options in '--legacy-as full' "${AS_DELTA[*]}"; do
  # shellcheck disable=SC2086
  expect_refused unsupported target receive_from "$GOLDEN/old-0.x" $options target
done
expect_rc unsupported bsr-stream verify "$GOLDEN/old-0.x"
expect_rc unsupported bsr-stream dump "$GOLDEN/old-0.x"

# 1.0 without its last chunk cannot be told from a whole one; 1.1 can.
head -c $((28 + 1024 + 28 + 512)) "$GOLDEN/full-1.0" > part
expect_rc ok bsr-stream verify part
head -c $((28 + 28 + 1024 + 28 + 512)) "$GOLDEN/full-1.1" > part
expect_rc truncated bsr-stream verify part

# The example of bsr-recv(8): thin_send vg/data.mon vg/data.tue | bsr-recv --legacy-as delta ./data.img
cp before data.img
expect_rc ok receive_from "$GOLDEN/delta-1.1" --legacy-as delta ./data.img
expect_equal delta data.img
