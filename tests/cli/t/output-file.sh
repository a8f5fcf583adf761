#!/bin/bash
# bsr-send -o FILE: a complete stream under its name, or nothing.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 1M v1
write_random v1 0 1024 1
make_pool 64 v1
mkdir out
send_to expected 1

expect_rc ok bsr-send "${POOL[@]}" -o out/a.bsr 1
expect_same '' "$OUTPUT" "output"
expect_equal expected out/a.bsr
expect_rc ok bsr-send "${POOL[@]}" --output "$PWD/out/b.bsr" 1
expect_equal expected out/b.bsr
expect_same $'a.bsr\nb.bsr' "$(ls -A out)" "files in out"
(cd out && bsr-send --metadata ../pool.meta --data ../pool.data -o c.bsr 1)
expect_equal expected out/c.bsr
expect_rc ok bsr-stream verify out/c.bsr

# A FILE that exists is refused, whatever it is.
echo precious > out/a.bsr
expect_refused usage out/a.bsr bsr-send "${POOL[@]}" -o out/a.bsr 1
expect_advice out/a.bsr
ln -s nowhere out/link
expect_refused usage out/link bsr-send "${POOL[@]}" -o out/link 1
mkdir out/folder
expect_refused usage out/folder bsr-send "${POOL[@]}" -o out/folder 1
rm -r out
mkdir out

# Nothing is left when something fails: the arguments, the metadata, the data.
expect_refused failed out/f bsr-send "${POOL[@]}" -o out/f 9
expect_says 'thin device 9'
expect_refused usage out/f bsr-send "${POOL[@]}" -o out/f -i 1 1
expect_rc failed bsr-send "${POOL[@]}" -o out/none/f 1
expect_says out/none/f
head -c 700000 pool.data > short
expect_refused corrupt out/f bsr-send --metadata pool.meta --data short -o out/f 1
expect_says short

# Both -o and standard output: nothing goes there. Closed standard output does no harm.
bsr-send "${POOL[@]}" -o out/d 1 > stdout
expect_same 0 "$(stat -c %s stdout)" "bytes on standard output"
rm out/d
bsr-send "${POOL[@]}" -o out/d 1 >&-
expect_equal expected out/d

# -n has no use for a file.
expect_refused usage out/n bsr-send "${POOL[@]}" -n -o out/n 1
expect_advice output
