#!/bin/bash
# Standard descriptors that are closed, as under a careless daemon: their numbers must not become those of the volume.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 256K v1
write_random v1 0 256 1
make_pool 64 v1
send_to stream 1
write_random v2 0 256 2

# Whatever the exit status: a target that is there holds the snapshot, without a word of the program in it.
# without WHAT TARGET COMMAND...
check() {
  local status=0
  "${@:3}" 2> err || status=$?
  if [[ -e $2 ]] && ! cmp -s v1 "$2"; then complain "$1: status $status, and $2 differs from the snapshot"; fi
  if ((status > 0)) && [[ ! -s err && $1 != *error* && $1 != *both* ]]; then complain "$1: status $status, and not a word"; fi
}
receive_without_output() { bsr-recv "$1" < stream >&-; }
receive_without_error() { bsr-recv -v "$1" < stream 2>&-; }
receive_without_both() { bsr-recv -v "$1" < stream >&- 2>&-; }
receive_json_without_output() { bsr-recv --json "$1" < stream >&-; }
for how in receive_without_output receive_without_error receive_without_both receive_json_without_output; do
  check "$how, new" "new-$how" "$how" "new-$how"
  cp v2 "old-$how"
  check "$how, old" "old-$how" "$how" "old-$how"
done

# Nobody saw an acknowledgement, so it is not a success.
if bsr-recv new < stream >&- 2> err; then complain "success, although standard output is closed"; fi

# Nothing to read.
no_input() { bsr-recv "$1" <&-; }
expect_refused failed new2 no_input new2
expect_refused failed v2 no_input v2
send_without_output() { bsr-send "${POOL[@]}" 1 >&-; }
expect_rc failed send_without_output
send_without_error() { bsr-send "${POOL[@]}" -v 1 2>&- > stream2; }
expect_rc ok send_without_error
expect_equal stream stream2
send_without_both() { bsr-send "${POOL[@]}" -v -o stream3 1 >&- 2>&-; }
expect_rc ok send_without_both
expect_equal stream stream3
