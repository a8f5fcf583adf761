#!/bin/bash
# A pool image whose metadata is damaged or whose data is too short: 12, and no stream that looks whole.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 1M v1
write_random v1 0 1024 1
cp v1 v2
write_random v2 300 200 2
make_pool 64 v1 v2
send_to full 1
send_to delta --patch never -i 1 2

# One byte changed in each block of the metadata that is not all zeros. It may not matter to this stream; then the stream
# is the same. If it does, it is refused: without -o what was written must not be a whole stream.
block_count=$(($(stat -c %s pool.meta) / 4096))
refused=0 harmless=0
for ((block = 0; block < block_count; block++)); do
  if dd if=pool.meta bs=4096 skip=$block count=1 status=none | cmp -s -n 4096 - /dev/zero; then continue; fi
  cp pool.meta bad.meta
  flip_byte bad.meta $((block * 4096 + 77))
  for engine in thin-tools native check; do
    for what in 'full 1' 'delta --patch never -i 1 2'; do
      status=0
      # shellcheck disable=SC2086
      bsr-send --metadata bad.meta --data pool.data --delta-engine $engine ${what#* } > stream 2> err || status=$?
      case $status in
        0)
          expect_equal "${what%% *}" stream
          harmless=$((harmless + 1))
          ;;
        12)
          refused=$((refused + 1))
          if bsr-stream verify stream &> /dev/null; then fail "a whole stream from damaged metadata"; fi
          grep -q bad.meta err || complain "no name of the file in: $(< err)"
          ;;
        1)
          # What thin_delta itself refuses, of parts that we do not read, is its failure by its name.
          if [[ $engine == native ]] || ! grep -q 'thin_d' err; then complain "block $block, $engine: $(< err)"; fi
          refused=$((refused + 1))
          ;;
        *) complain "block $block, $engine: status $status instead of 0 or 12: $(< err)" ;;
      esac
    done
  done
done
((refused >= 18)) || fail "only $refused of $((refused + harmless)) were refused"

# Not metadata at all, or cut off.
: > empty
write_random random 0 4096 3
head -c 4096 pool.meta > one-block
head -c 5000 pool.meta > not-blocks
head -c 20480 pool.meta > five-blocks
mkdir out
for file in empty random one-block not-blocks five-blocks pool.data pool.xml; do
  for engine in thin-tools native check; do
    expect_refused corrupt ./out/stream bsr-send --metadata $file --data pool.data --delta-engine $engine -o ./out/stream 1
    expect_says "$file"
    expect_refused corrupt ./out/stream bsr-send --metadata $file --data pool.data --delta-engine $engine -nP -i 1 2
  done
done
expect_refused failed ./out/stream bsr-send --metadata none --data pool.data -o ./out/stream 1
expect_says 'none: '
expect_refused failed ./out/stream bsr-send --metadata pool.meta --data none -o ./out/stream 1
expect_says 'none: '

# Data that ends before the last chunk that is needed.
for size in 0 1 65536 1048575; do
  head -c $size pool.data > short
  expect_refused corrupt ./out/stream bsr-send --metadata pool.meta --data short -o ./out/stream 1
  expect_says short "$size" 1048576
  expect_refused corrupt ./out/stream bsr-send --metadata pool.meta --data short -o ./out/stream -i 1 2
done
# What is cut off is not needed by device 1.
head -c 1048576 pool.data > enough
bsr-send --metadata pool.meta --data enough 1 > stream
expect_equal full stream
