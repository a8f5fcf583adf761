#!/bin/bash
# bsr-send --limit-rate: never more than that, in both formats and into a file; changed while it runs.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 256K v1
write_random v1 0 256 1
make_pool 64 v1
send_to full --compress none 1

# held_to RATE FILE START_NS: FILE did not come in less time than RATE allows.
held_to() {
  local size needed took=$((($(date +%s%N) - $3) / 1000000))
  size=$(stat -c %s "$2")
  needed=$((size * 980 / $1))
  ((took >= needed)) || fail "$size bytes in $took ms: less than $needed"
}

# A frame takes longer than --stall-timeout here, which is about the reader only. Progress goes on meanwhile.
start=$(date +%s%N)
bsr-send "${POOL[@]}" --compress none --limit-rate 100K --stall-timeout 1 --json-fd 3 1 3> json | cat > limited
held_to 102400 limited "$start"
expect_equal full limited
(($(json_lines json | grep -c ^status) >= 2)) || complain "not two lines of status in two seconds: $(< json)"
start=$(date +%s%N)
bsr-send "${POOL[@]}" --limit-rate 100K -o file --compress none 1
held_to 102400 file "$start"
expect_equal full file
send_to legacy --format thin-1.1 1
start=$(date +%s%N)
bsr-send "${POOL[@]}" --format thin-1.1 --limit-rate 100K 1 | cat > limited
held_to 102400 limited "$start"
expect_equal legacy limited

# From a byte a second to no limit. What the file cannot mean changes nothing, and is said once.
mkfifo pipe
echo 1 > rate
bsr-send "${POOL[@]}" --compress none --limit-rate @rate 1 > pipe 2> err &
pid=$!
exec 5< pipe
head -c 1 <&5 > limited
echo fast > rate
wait_until test -s err
rm rate
sleep 1.5
(($(wc -l < err) == 1)) || complain "more than a line: $(< err)"
OUTPUT=$(< err)
expect_advice '--limit-rate @rate: .*stays at 1 B/s'
kill -0 $pid || fail "it has ended: $(< err)"
echo none > rate
cat <&5 >> limited
wait $pid
expect_equal full limited

# A signal is heard while the limit does not let anything out.
echo 1 > rate
bsr-send "${POOL[@]}" --limit-rate @rate 1 2> err > pipe &
pid=$!
exec 5< pipe
head -c 1 <&5 > /dev/null
kill -TERM $pid
status=0
wait $pid || status=$?
expect_same 143 "$status" "status after SIGTERM"
exec 5<&-

# Not a rate; before anything else happens.
for rate in fast -1 1KB 1.5M '' @missing @v1; do
  expect_refused usage out bsr-send "${POOL[@]}" --limit-rate "$rate" -o out 1
  expect_advice --limit-rate
done
mkfifo fifo
expect_refused usage out bsr-send "${POOL[@]}" --limit-rate @fifo -o out 1
