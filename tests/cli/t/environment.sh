#!/bin/bash
# TMPDIR: where a long plan is; nothing stays there. Standard input and the current folder do not matter to the sender.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 512K v1
write_random v1 0 512 1
make_pool 64 v1
send_to full 1

# A plan of 30000 areas is too long for memory.
awk 'BEGIN {
  print "<superblock uuid=\"\" time=\"0\" transaction=\"0\" flags=\"0\" version=\"2\" data_block_size=\"128\" nr_data_blocks=\"30000\">"
  print "<device dev_id=\"1\" mapped_blocks=\"30000\" transaction=\"0\" creation_time=\"0\" snap_time=\"0\">"
  for (i = 0; i < 30000; i++) printf "<single_mapping origin_block=\"%d\" data_block=\"%d\" time=\"0\"/>\n", i * 2, i
  print "</device></superblock>"
}' > many.xml
truncate -s 4M many.meta
thin_restore -i many.xml -o many.meta > /dev/null
truncate -s $((30000 * 65536)) many.data
MANY=(--metadata many.meta --data many.data --size $((60000 * 65536)))

mkdir temporary small out
TMPDIR=$PWD/none bsr-send "${POOL[@]}" -o out/stream 1
expect_equal full out/stream
TMPDIR=$PWD/temporary bsr-send "${MANY[@]}" -n 1
expect_same '' "$(ls -A temporary)" "files left in TMPDIR"
expect_refused failed ./out/never env TMPDIR="$PWD/none" bsr-send "${MANY[@]}" -o ./out/never 1
expect_says "$PWD/none" TMPDIR
if mount -t tmpfs -o size=4k none small 2> /dev/null; then
  at_exit 'umount small'
  head -c 4096 /dev/zero > small/filler
  expect_refused nospace ./out/never env TMPDIR="$PWD/small" bsr-send "${MANY[@]}" -o ./out/never 1
  expect_says TMPDIR
else
  skip "a full TMPDIR: mounting is not possible here"
fi
bsr-send "${POOL[@]}" 1 <&- > stream
expect_equal full stream
(cd / && bsr-send --metadata "$OLDPWD/pool.meta" --data "$OLDPWD/pool.data" 1) > stream
expect_equal full stream
