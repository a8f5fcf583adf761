#!/bin/bash
# --json-fd FD means a descriptor that the caller opened. One that is not open is refused, and above all is never one of
# the program's own files.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 256K v1
write_random v1 0 256 1
make_pool 64 v1
send_to expected 1
before=$(sha256sum pool.meta pool.data)

# closed FD: with nothing but standard descriptors open.
closed() { bsr-send "${POOL[@]}" --json-fd "$1" -o "file$1" 1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; }
for fd in 3 4 5 6 7 8 9; do
  expect_rc usage closed "$fd"
  expect_advice "$fd"
  [[ ! -e file$fd ]] || fail "file$fd was made"
done
expect_same "$before" "$(sha256sum pool.meta pool.data)" "the source"

# One that is only open for reading is no use either; JSON in the stream would spoil it.
expect_rc usage bsr-send "${POOL[@]}" --json-fd 3 -o file 1 3< v1
expect_rc usage bsr-send "${POOL[@]}" --json-fd 1 1
