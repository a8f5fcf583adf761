#!/bin/bash
# A target that somebody else holds: 10, and nothing changes.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 1M v1
write_random v1 0 1024 1
cp v1 v2
write_random v2 0 64 2
make_pool 64 v1 v2
send_to full 1
send_to other 2
cp v2 target

expect_refused busy target flock target bsr-recv target < full
expect_advice target
expect_refused busy target flock -s target bsr-recv target < full
expect_refused busy target flock target bsr-recv -n target < full

# Another receiver, in the middle of its stream, into a file that exists.
mkfifo slow
bsr-recv target < slow > first &
receiver=$!
at_exit "kill $receiver 2> /dev/null"
exec 5> slow
head -c 600000 full >&5
# started: it has the lock as soon as it has written.
started() { ! cmp -s target v2; }
wait_until started
expect_rc busy receive_from full target
expect_advice target
expect_rc busy receive_from other ./target
ln -s target link
expect_rc busy receive_from other link
tail -c +600001 full >&5
exec 5>&-
wait "$receiver" || fail "the first receiver was disturbed"
expect_same "committed $(identity 1)" "$(< first)" "what the first receiver says"
expect_equal v1 target
expect_rc ok receive_from other target
expect_equal v2 target

# Two receivers that make the same file: both may begin, but only one can say that it made it.
bsr-recv new < slow > first 2> first-error &
receiver=$!
exec 5> slow
head -c 600000 full >&5
temporary() { [[ $(echo new*) != 'new*' ]]; }
wait_until temporary
status=0
receive_from other new > second 2> second-error || status=$?
tail -c +600001 full >&5
exec 5>&-
first_status=0
wait "$receiver" || first_status=$?
case "$first_status $status" in
  '0 10') expect_equal v1 new ;;
  '0 2' | '0 1') expect_equal v1 new ;;
  *' 0') # the other was faster
    ((first_status != 0)) || fail "both say that they made the file"
    expect_equal v2 new
    expect_same '' "$(< first)" "what the first receiver says"
    ;;
  *) fail "status $first_status and $status" ;;
esac
expect_same new "$(echo new*)" "files"
((first_status == EXIT_STATUS[busy] || status == EXIT_STATUS[busy])) ||
  complain "two receivers of one file: $first_status and $status, neither is told that it is busy: $(cat first-error second-error)"
