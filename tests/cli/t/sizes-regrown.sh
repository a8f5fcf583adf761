#!/bin/bash
# A volume that shrank and grew again, with chunks mapped behind its end all the time, as LVM leaves them. The receiver
# never got those, so the delta to the grown volume must bring them, although both snapshots share them.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 1M v1
write_random v1 0 1024 1
cp v1 v2
write_random v2 10 1 2
cp v2 v3
write_random v3 20 1 3
make_pool 64 v1 v2 v3

for engine in thin-tools native; do
  rm -f target
  ship '--size 1048576 1' target > /dev/null
  ship "--delta-engine $engine --size 524288 --base-size 1048576 -i 1 2" "--base $(identity 1) target" > /dev/null
  expect_equal <(head -c 512K v2) target
  ship "--delta-engine $engine --size 1048576 --base-size 524288 -i 2 3" "--base $(identity 2) target" > /dev/null
  expect_equal v3 target
done
