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

# With nothing but standard descriptors open.
for fd in 3 4 5 6 7 8 9; do
  status=0
  bsr-send "${POOL[@]}" --json-fd $fd -o file$fd 1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- 2> err || status=$?
  ((status == EXIT_STATUS[usage])) || complain "--json-fd $fd, which is not open: status $status instead of 2, usage"
  if [[ -e file$fd ]] && ! cmp -s expected file$fd; then complain "--json-fd $fd: the stream is spoiled"; fi
done
expect_same "$before" "$(sha256sum pool.meta pool.data)" "the source"

# One that is only open for reading is no use either.
status=0
bsr-send "${POOL[@]}" --json-fd 3 -o file 1 3< v1 2> err || status=$?
((status == EXIT_STATUS[usage])) || complain "--json-fd 3, which is only for reading: status $status instead of 2, usage"

# JSON in the stream would spoil it.
if bsr-send "${POOL[@]}" --json-fd 1 1 > stream 2> err && ! cmp -s expected stream; then
  complain "--json-fd 1: the stream is spoiled"
fi
