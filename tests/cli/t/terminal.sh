#!/bin/bash
# A stream neither goes to a terminal nor comes from one.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 128K v1
write_random v1 0 128 1
make_pool 64 v1
send_to full 1

# on_terminal COMMAND: with a terminal on all standard descriptors that the command does not redirect.
on_terminal() { script -qec "$1" /dev/null < /dev/null; }

expect_rc usage on_terminal 'bsr-send --metadata pool.meta --data pool.data 1'
expect_advice terminal
(($(wc -c <<< "$OUTPUT") < 300)) || fail "and more than the message"
expect_refused usage target on_terminal 'bsr-recv target'
expect_advice terminal
cp v1 target
expect_refused usage target on_terminal 'bsr-recv target'
expect_rc usage on_terminal 'bsr-recv --digests target'
expect_advice terminal
expect_rc usage on_terminal 'bsr-stream verify'
expect_advice terminal
expect_rc usage on_terminal 'bsr-stream dump'
expect_rc usage on_terminal 'bsr-stream merge full full'
expect_advice terminal

# What is no stream may be on one, and other descriptors, too.
expect_rc ok on_terminal 'bsr-send --metadata pool.meta --data pool.data -nP 1'
expect_says 'full	1	131072' 'size	131072'
expect_rc ok on_terminal 'bsr-send --metadata pool.meta --data pool.data -o file 1'
expect_equal full file
rm target
expect_rc ok on_terminal 'bsr-recv target < full'
expect_says "committed $(identity 1)"
expect_equal v1 target
expect_rc ok on_terminal 'bsr-stream verify full'
expect_rc ok on_terminal 'bsr-stream dump < full'
expect_rc base on_terminal 'bsr-stream merge -o merged full full'

# On a terminal, progress is a line that is redrawn, on standard error only.
on_terminal '{ cat; sleep 3; } < full | cat > piped; bsr-send --metadata pool.meta --data pool.data 1 | { head -c 100; sleep 3; cat; } > piped' > screen
expect_equal full piped
expect_same 0 "$(grep -ac BSR1 screen || true)" "frames on the screen"
