#!/bin/bash
# The scenarios of thin-send-recv's own test of incomplete streams, with our receiver. Where thin_recv takes empty input
# or is told the format, ours refuses the input and sees the format.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"
# shellcheck source=tests/cli/legacy.sh
. "$CLI/legacy.sh"

# A difference with writes and discards.
truncate -s 2M v1
write_random v1 0 1024 1
write_random v1 1500 64 2
cp v1 v2
write_random v2 64 64 3
write_zero v2 512 256
write_random v2 1200 65 4
make_pool 64 v1 v2
send_to stream --format thin-1.1 --size 2097152 -i 1 2
cp --remove-destination v1 target
expect_rc ok receive_from stream "${AS_DELTA[@]}" target
expect_equal v2 target

# refused ID FILE: also by bsr-stream verify. Of a stream that breaks off later, something may be written.
refused() {
  cp --remove-destination v1 target
  expect_rc "$1" receive_from "$2" "${AS_DELTA[@]}" target
  [[ $OUTPUT != *committed* ]] || fail "it says: $OUTPUT"
  cp --remove-destination v1 target
  expect_refused "$1" target receive_from "$2" "${AS_DELTA[@]}" -n target
  expect_rc "$1" receive_from "$2" --legacy-as full target
  expect_rc "$1" bsr-stream verify "$2"
}
# taken FILE
taken() {
  expect_rc ok receive_from "$1" "${AS_DELTA[@]}" target
  expect_same 'committed legacy' "$OUTPUT" "output"
  expect_rc ok bsr-stream verify "$1"
  expect_says '^ok '
}

# Empty input.
refused truncated /dev/null

# 1.0: one UNMAP of 16 MiB, 28 bytes.
chunk $MAGIC_10 $UNMAP 0 16777216 > unmap
expect_same 28 "$(stat -c %s unmap)" "size"
truncate -s 16M target
write_random target 10000 100 5
taken unmap
truncate -s 16M zeros
expect_equal zeros target
cp --remove-destination v1 target
expect_refused base target receive_from unmap "${AS_DELTA[@]}" target

# Formats that do not exist.
expect_refused usage target receive_from stream --legacy-as made-up target
chunk 0123456789abcdef $UNMAP 0 512 > made-up
refused corrupt made-up

# 1.1: the smallest stream.
{ begin_11 && end_11 2 0 0; } > smallest
cp --remove-destination v1 target
taken smallest
expect_equal v1 target
cmp smallest "$GOLDEN/empty-1.1"

# Cut off: in the first header, behind it, in data, before END, in its numbers.
size=$(stat -c %s stream)
for length in 1 7 8 27 28 29 55 56 $((size - 512)) $((size - 52)) $((size - 51)) $((size - 24)) $((size - 23)) $((size - 1)); do
  head -c "$length" stream > part
  refused truncated part
done

# Wrong numbers, and something behind END.
head -c -24 stream > numberless
{ cat numberless && head -c 24 /dev/zero; } > wrong
refused corrupt wrong
{ begin_11 && end_11 2 0 1; } > wrong
refused corrupt wrong
{ cat stream && printf 'abcdef'; } > wrong
refused corrupt wrong
{ cat stream && head -c 32 /dev/zero; } > wrong
refused corrupt wrong
{ cat smallest && begin_11; } > wrong
refused corrupt wrong

# What chunks there are, and in what order.
{ chunk $MAGIC_11 $UNMAP 0 512 && end_11 2 0 1; } > wrong
refused corrupt wrong
{ begin_11 && begin_11 && end_11 3 0 0; } > wrong
refused corrupt wrong
end_11 1 0 0 > wrong
refused corrupt wrong
{ begin_11 && chunk $MAGIC_10 $UNMAP 0 512 && end_11 3 0 1; } > wrong
refused corrupt wrong
{ begin_11 && chunk $MAGIC_11 $UNMAP 512 512 && chunk $MAGIC_11 $UNMAP 0 512 && end_11 4 0 2; } > wrong
refused corrupt wrong # "a reader here refuses others"
{ begin_11 && chunk $MAGIC_11 $UNMAP 100 512 && end_11 3 0 1; } > wrong
refused corrupt wrong
# An unknown command.
{ begin_11 && chunk $MAGIC_11 $((0x10000000)) 0 0 && end_11 3 0 0; } > wrong
cp --remove-destination v1 target
status=0
receive_from wrong "${AS_DELTA[@]}" target 2> err || status=$?
((status == EXIT_STATUS[corrupt] || status == EXIT_STATUS[unsupported])) || fail "unknown command: status $status, $(< err)"

# An optional chunk, counted and not.
{ begin_11 && chunk $MAGIC_11 $((0x80000333)) 0 527 && head -c 527 /dev/zero && end_11 2 0 0; } > wrong
refused corrupt wrong
{ begin_11 && chunk $MAGIC_11 $((0x80000333)) 0 527 && head -c 527 /dev/zero && end_11 3 0 0; } > optional
cp --remove-destination v1 target
taken optional
expect_equal v1 target
