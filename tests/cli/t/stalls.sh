#!/bin/bash
# The other side goes silent, or trickles: both programs end in bounded time with 16, and what came is kept.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 8M v1
write_random v1 0 8192 1
make_pool 64 v1
send_to full --compress none 1
mkfifo pipe

# ends_in SECONDS PID: by itself, with 16.
ends_in() {
  local start=$SECONDS status=0
  wait "$2" || status=$?
  expect_same 16 "$status" "status ($(< err))"
  ((SECONDS - start <= $1)) || fail "it took $((SECONDS - start)) s"
  OUTPUT=$(< err)
  expect_says 'got nothing whole done for 2 seconds'
}

# The receiver: nothing at all, nothing more, a byte now and then.
trickle() { while sleep 0.2; do head -c 1 /dev/zero; done; }
for kind in nothing part trickle; do
  bsr-recv --stall-timeout 2 ./target < pipe > said 2> err &
  pid=$!
  case $kind in
    nothing) sleep 30 > pipe & ;;
    part) { cat <(head -c 5000000 full) && exec sleep 30; } > pipe & ;;
    trickle) { cat <(head -c 5000000 full) <(head -c 20 < <(tail -c +5000001 full)) && trickle; } > pipe 2> /dev/null & ;;
  esac
  feeder=$!
  ends_in 10 $pid
  kill $feeder 2> /dev/null || true
  { wait $feeder || true; } 2> /dev/null
  token=$(bsr-recv -t ./target)
  if [[ $kind == nothing ]]; then
    expect_same '' "$token" token
  else
    expect_says 'kept, continue with'
    send_to rest -t "$token"
    receive_from rest ./target > said
    expect_equal v1 target
    rm target
  fi
done

# The sender: a reader that does not read, and one that takes a byte now and then.
for kind in nothing trickle; do
  bsr-send "${POOL[@]}" --compress none --stall-timeout 2 1 > pipe 2> err &
  pid=$!
  exec 5< pipe
  if [[ $kind == trickle ]]; then
    while sleep 0.2; do head -c 1 <&5 > /dev/null; done &
    reader=$!
  fi
  ends_in 10 $pid
  if [[ $kind == trickle ]]; then
    kill "$reader"
    { wait "$reader" || true; } 2> /dev/null
  fi
  exec 5<&-
done
# Into a socket too, as under inetd and some ssh servers.
python3 - "${POOL[@]}" << 'PYTHON'
import socket, subprocess, sys
ours, theirs = socket.socketpair()
sender = subprocess.Popen(["bsr-send", *sys.argv[1:], "--compress", "none", "--stall-timeout", "2", "1"],
                          stdout=theirs, stderr=subprocess.PIPE)
theirs.close()
assert b"nothing whole" in sender.communicate(timeout=15)[1]
assert sender.returncode == 16, sender.returncode
PYTHON

# Slow is not silent.
slowly() { while head -c 400000 <&6 > piece && [[ -s piece ]]; do cat piece && sleep 0.3; done; }
exec 6< full
slowly | bsr-recv --stall-timeout 2 ./target > said
expect_equal v1 target
# Behind END nobody waits for the end of the pipe: the shell that made it may hold it open for hours, for another output.
send_to whole 1
exec 7<> pipe
cat whole > pipe &
expect_same "committed $(identity 1)" "$(bsr-recv --stall-timeout 10 ./held < pipe)" "answer"
# But what comes there is looked at, and refused with its first byte: it cannot trickle for ever.
{ cat whole && printf x; } > longer
cat longer > pipe &
expect_rc corrupt bsr-recv --stall-timeout 10 ./behind < pipe
trickle() { cat whole && for ((i = 0; i < 25; i++)); do printf B && sleep 0.4; done; }
trickle > pipe &
expect_rc corrupt timeout 8 bsr-recv --stall-timeout 100 ./trickled < pipe
exec 7<&-
wait || true

expect_rc usage bsr-send "${POOL[@]}" --stall-timeout -1 1
expect_rc usage bsr-recv --stall-timeout x ./target2
