#!/bin/bash
# What a log holds are copies of pages from elsewhere, at any offset: in the base further on, and in what was sent before.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

# copy_pages FILE PAGE AT: two pages, to a byte
copy_pages() {
  dd if="$1" of="$1" bs=8192 count=1 iflag=skip_bytes skip=$(($2 * 4096)) oflag=seek_bytes seek="$3" conv=notrunc status=none
}
truncate -s 16M v1
write_random v1 0 16384 1
cp v1 v2
write_sectors v2 803 80 80 2   # one in every tenth page from page 100 on
write_sectors v2 24003 80 80 3 # and from page 3000 on
for ((i = 0; i < 80; i++)); do
  copy_pages v2 $((3000 + 10 * i)) $((6000000 + i * 8300)) # of what comes later
  copy_pages v2 $((100 + 10 * i)) $((8000000 + i * 8300))  # of what came before
done
identical=$((160 * 8192))
make_pool 64 v1 v2
send_to patches --size 16777216 --patch always -i 1 2
(($(stat -c %s patches) < identical / 2)) || fail "$(stat -c %s patches) bytes, and $identical of them are copies"
bsr-stream verify patches
bsr-stream dump --json patches > shown
grep -q '"type":"PATCH".*"references":\[\[' shown || fail "no reference in $(< shown)"

cp v1 target
receive_from patches ./target --base "$(identity 1)" > said
expect_equal v2 target
# Something else in a place that is only referred to: nothing is made of it.
cp v1 target
flip_byte target $((3001 * 4096 + 100))
expect_rc verify receive_from patches ./target --base "$(identity 1)"
expect_says 'the base here is not what the stream was made against'

# By default only where the line is what it waits for, which the first two seconds show.
send_to fast --size 16777216 -i 1 2
bsr-stream dump --json fast > shown
if grep -q '"references":\[\[' shown; then fail "references in a stream that nothing held up"; fi
write_random v2 0 5120 5
make_pool 64 v1 v2
send_to slow --size 16777216 --limit-rate 1M -i 1 2
bsr-stream dump --json slow > shown
grep -q '"references":\[\[' shown || fail "no reference in a stream that waited for the line"
cp v1 slow-target
receive_from slow ./slow-target --base "$(identity 1)" > said
expect_equal v2 slow-target

# Merged, behind a full stream or with the base at hand: what they point to is known, wherever that is.
cp v2 v3
write_sectors v3 16007 80 80 4 # one in every tenth page from page 2000 on
for ((i = 0; i < 80; i++)); do
  copy_pages v3 $((3000 + 10 * i)) $((6000000 + i * 8300))
  copy_pages v3 $((2000 + 10 * i)) $((13000000 + i * 8300))
done
make_pool 64 v1 v2 v3
send_to full --size 16777216 1
send_to 1-2 --size 16777216 --patch always -i 1 2
send_to 2-3 --size 16777216 --patch always -i 2 3
for stream in 1-2 2-3; do
  bsr-stream dump --json $stream > shown
  grep -q '"references":\[\[' shown || fail "no reference in $stream"
done
bsr-stream merge full 1-2 2-3 > merged
receive_from merged ./merged-copy > said
expect_equal v3 merged-copy
bsr-stream merge --base v1 1-2 2-3 > 1-3
cp v1 again
receive_from 1-3 ./again --base "$(identity 1)" > said
expect_equal v3 again
cp v1 other
flip_byte other $((3001 * 4096 + 100))
expect_refused base none bsr-stream merge --base other 1-2 2-3 -o none
expect_advice '^bsr-stream: 1-2: .*base in other'
