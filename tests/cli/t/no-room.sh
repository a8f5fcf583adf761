#!/bin/bash
# A file system that is full, and a limit on the size of files: an error, and no half a file under any name.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 2M v1
write_random v1 0 2048 1
make_pool 64 v1
send_to full 1

mkdir small
if mount -t tmpfs -o size=1m none small 2> /dev/null; then
  at_exit "umount small"
  expect_refused nospace ./small/target receive_from full ./small/target
  expect_says small/target
  expect_refused nospace ./small/stream bsr-send "${POOL[@]}" -o ./small/stream 1
  expect_says 'small/stream|stream'
  expect_rc nospace send_to ./small/stream 1
  rm small/stream
  # A file that exists with room only for a part of it.
  truncate -s 2M small/target
  expect_rc nospace receive_from full ./small/target
  [[ $OUTPUT != *committed* ]] || fail "it says: $OUTPUT"
  expect_says small/target
else
  skip "no file system of its own: mounting is not possible here"
fi

# The limit of the shell on the size of files.
limited() { (ulimit -f 500 && "$@"); }
mkdir limited
expect_nothing_made() {
  local status=0
  limited "$@" > said 2>&1 || status=$?
  ((status == EXIT_STATUS[nospace] || status == EXIT_STATUS[failed])) ||
    complain "status $status instead of 15 or 1 with a limit on the size of files: $*"
  [[ -z $(ls -A limited) ]] || complain "left in the folder: $(ls -A limited)"
  rm -f limited/*
}
expect_nothing_made receive_from full ./limited/target
expect_nothing_made bsr-send "${POOL[@]}" -o ./limited/stream 1
