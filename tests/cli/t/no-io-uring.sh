#!/bin/bash
# Where io_uring is forbidden, as in many containers, the same streams come and give the same volumes.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 8M v1
write_random v1 0 8192 1
cp v1 v2
for i in 2 900 2700 4100 7700; do write_random v2 $i 3 $i; done
make_pool 64 v1 v2
forbidden() { python3 "$CLI/without_io_uring.py" "$@"; }
sending() { forbidden bsr-send --metadata pool.meta --data pool.data "$@"; }

sending --compress none 1 > full
send_to expected --compress none 1
expect_equal expected full
forbidden bsr-recv ./copy < full > /dev/null
expect_equal v1 copy
sending --patch always -i 1 2 > change
bsr-stream dump change | grep PATCH > /dev/null || fail 'no patch'
forbidden bsr-recv --base "$(identity 1)" ./copy < change > /dev/null
expect_equal v2 copy
