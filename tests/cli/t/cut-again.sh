#!/bin/bash
# A continued session that fails before its own first checkpoint keeps what was kept, whatever it failed of, and prints the
# command that continues; that works as it was printed.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 12M v1
write_random v1 0 12288 1
cp v1 v2
for offset in 100 2500 5500 7000 10000; do write_random v2 $offset 1000 $offset; done
make_pool 64 v1 v2
send_to full --compress none 1
send_to change --compress none --patch never -i 1 2

# command: the one that was printed, with the files of our pool.
command() { grep -x ' *bsr-send -t bsr1\..* | bsr-recv .*' <<< "$OUTPUT" | sed 's/--metadata FILE --data FILE/--metadata pool.meta --data pool.data/'; }
# kept TARGET: something waits, and that is what the command continues.
kept() {
  local token
  token=$(bsr-recv -t "$1")
  [[ -n $token ]] || fail "nothing waits"
  expect_says 'are kept, continue with$' "bsr-send -t $token "
}
# goes_on TARGET EXPECTED
goes_on() {
  command > continue.sh
  [[ $(sh continue.sh) == 'committed '* ]] || fail "the command that was printed fails: $(< continue.sh)"
  expect_equal "$2" "$1"
  [[ $(echo "$1".bsr*) == "$1.bsr*" ]] || fail "left: $(echo "$1".bsr*)"
}

echo "== a new file" >&2
expect_rc truncated bsr-recv ./new < <(head -c 3000000 full)
kept ./new
first=$(bsr-recv -t ./new)
send_to rest --compress none -t "$first"
for length in 600 5000 100000; do
  expect_rc truncated bsr-recv ./new < <(head -c $length rest)
  kept ./new
  expect_same "$first" "$(bsr-recv -t ./new)" token
done
cp rest spoiled
flip_byte spoiled 2000
expect_rc corrupt bsr-recv ./new < spoiled
kept ./new
expect_rc truncated bsr-recv --no-resume ./new < <(head -c 3000000 rest) # and further, but not to be kept
expect_same "$first" "$(bsr-recv -t ./new)" token
mkfifo pipe
bsr-recv ./new < pipe 2> err &
pid=$!
exec 5> pipe
head -c 100000 rest >&5
sleep 0.3
kill $pid
wait $pid || true
exec 5>&-
OUTPUT=$(< err)
kept ./new
# One that never began.
expect_rc truncated bsr-recv ./new < /dev/null
expect_same "$first" "$(bsr-recv -t ./new)" token
expect_rc truncated bsr-recv ./new < <(head -c 600 rest)
goes_on ./new v1

echo "== in place" >&2
cp v1 target
expect_rc truncated bsr-recv --base "$(identity 1)" ./target < <(head -c 3000000 change)
kept ./target
send_to rest --compress none -t "$(bsr-recv -t ./target)"
expect_rc truncated bsr-recv ./target < <(head -c 5000 rest)
kept ./target
goes_on ./target v2

echo "== names that a shell would take apart" >&2
mkdir 'with space'
# shellcheck disable=SC2016  # a name
for name in "with space/it's" './-A' '$(false)'; do
  path=./${name#./}
  expect_rc truncated bsr-recv "$path" < <(head -c 3000000 full)
  goes_on "$path" v1
done
expect_rc truncated bsr-recv -- -x < <(head -c 3000000 full)
goes_on ./-x v1

echo "== a disk that is full, twice" >&2
truncate -s 160M large
write_random large 0 163840 1
make_pool 64 large
mkdir small
mount -t tmpfs -o size=100M none small 2> /dev/null || { skip "a full disk: mounting is not possible here" && exit; }
at_exit "umount small"
send_to full --compress none 1
expect_rc nospace bsr-recv ./small/new < full
kept ./small/new
for _ in 1 2; do
  send_to rest --compress none -t "$(bsr-recv -t ./small/new)"
  expect_rc nospace bsr-recv ./small/new < rest
  kept ./small/new
done
mount -o remount,size=200M small
goes_on ./small/new large
