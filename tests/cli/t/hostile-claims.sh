#!/bin/bash
# Streams with right checksums that claim much, or get nobody further for as long as one listens: each ends in a time that
# --stall-timeout bounds, with the right status, in less than 256 MiB, and leaves the target as it was. Signals are heard
# meanwhile.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

MOST=256 # MiB
TIB8=8796093022208

# attack ID SECONDS 'SENDER_ARGS' RECV_ARG...: how the receiver ends, and when at the latest.
attack() {
  local id=$1 limit=$2 arguments=$3 start=$SECONDS status=0
  # shellcheck disable=SC2086  # words on purpose
  hostile-sender $arguments 2> /dev/null | timeout 100 bounded $MOST bsr-recv --stall-timeout 1 "${@:4}" > out 2> err || status=$?
  ((status == EXIT_STATUS[$id])) || complain "status $status instead of $id: $arguments: $(head -c 600 err)"
  ((SECONDS - start <= limit)) || complain "$((SECONDS - start)) s: $arguments"
  OUTPUT=$(< err)
}
nothing_made() {
  [[ ! -e new && ! -e new.bsr-partial ]] || complain "left: $(ls)"
  rm -f new new.bsr-*
}

# What gets nobody further, as fast as it can and now and then. Signs of life are forgiven four stall timeouts, so five
# seconds; the rest of the limits is for busy hosts.
for kind in skippable small-skippable slow-skippable; do
  attack peer 30 "$kind $TIB8" ./new
  expect_says 'got nothing whole done for 1 seconds'
  nothing_made
done
for kind in checkpoints slow-checkpoints content-frames slow-content-frames creeping-zeros slow-zeros; do
  attack peer 50 "$kind $TIB8" ./new
  expect_says 'got nothing whole done for 1 seconds.*only gave signs of life'
  nothing_made
done
attack peer 30 "creeping-checkpoints $TIB8" --no-resume ./new
nothing_made
truncate -s 1M held
attack peer 30 legacy-optional --legacy-as full ./held

# Signals are heard, whoever waits for nothing.
mkfifo pipe
for kind in skippable small-skippable checkpoints content-frames creeping-zeros; do
  hostile-sender $kind $TIB8 2> /dev/null > pipe &
  sender=$!
  bsr-recv --stall-timeout 0 --no-resume ./new < pipe 2> err &
  receiver=$!
  sleep 1
  start=$SECONDS status=0
  kill $receiver
  wait $receiver || status=$?
  expect_same 143 $status "status after SIGTERM"
  ((SECONDS - start <= 2)) || complain "a signal is heard after $((SECONDS - start)) s: $kind"
  wait $sender || true
  nothing_made
done

# Sizes: a volume of zeros is as soon there as a small one, its content root too; what no file can be is said.
for kind in nothing at-the-end all-zeros; do
  attack ok 20 "$kind $TIB8" ./new
  expect_same $TIB8 "$(stat -c %s new)" "size of $kind"
  (($(stat -c %b new) < 1000)) || complain "$(stat -c %b new) sectors for $kind"
  rm new
done
attack verify 20 "wrong-root $TIB8" ./new
nothing_made
truncate -s $TIB8 held
attack verify 20 "wrong-root $TIB8" ./held
attack ok 20 "nothing $TIB8" ./held
# Some file systems hold a file of 4 EiB, most do not; both are answers.
for kind in nothing at-the-end all-zeros; do
  if truncate -s $((1 << 62)) large 2> /dev/null; then
    attack ok 20 "$kind $((1 << 62))" ./new
    rm new large
  else
    attack nospace 20 "$kind $((1 << 62))" ./new
    expect_says 'new.* would have 4.0 EiB, and its file system holds no file of that size'
    nothing_made
  fi
done
# A change that grows a volume without limit leaves it as it is, where there is a limit.
truncate -s 2M held
write_random held 0 2048 1
if ! truncate -s $((1 << 62)) large 2> /dev/null; then
  before=$(state_of held)
  attack nospace 20 "nothing $((1 << 62)) base 2097152" --base base ./held
  expect_same "$before" "$(state_of held)" "the target"
fi
(ulimit -f 1000 && attack nospace 20 "nothing $TIB8" ./new && expect_says 'raise the limit')
nothing_made

# What takes the most memory that the page allows.
for kind in most-extents most-pieces most-leaves most-packed; do
  attack ok 100 "$kind 268435456" ./new
  rm new
done
rm held
truncate -s 64M held
attack ok 100 "most-references 67108864 base 67108864" --base base ./held
