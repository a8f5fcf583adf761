#!/bin/bash
# Signals in the middle: 128+n within seconds, nothing left, and whoever runs it again succeeds.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 2M v1
write_random v1 0 2048 1
make_pool 64 v1
send_to full 1
mkfifo pipe
mkdir out

# ends_by SIGNAL PID: it ends by that signal within 10 seconds, and says so.
ends_by() {
  local status=0 number start=$SECONDS
  number=$(kill -l "$1")
  kill -"$1" "$2"
  wait "$2" || status=$?
  ((SECONDS - start <= 10)) || fail "it took $((SECONDS - start)) s"
  expect_same $((128 + number)) "$status" "status after SIG$1"
  OUTPUT=$(< err)
  expect_says "SIG$1"
}

made() { [[ -n $(ls -A out) ]]; }
for signal in TERM INT HUP; do
  # The receiver, which waits for more; a missing file.
  bsr-recv --no-resume ./out/target < pipe > said 2> err &
  pid=$!
  exec 5> pipe
  head -c 900000 full >&5
  wait_until made
  sleep 0.3
  ends_by $signal $pid
  exec 5>&-
  expect_same '' "$(ls -A out)" "files left by bsr-recv after SIG$signal"
  expect_same '' "$(< said)" "output"

  # The sender, whose reader does not read.
  bsr-send "${POOL[@]}" 1 > pipe 2> err &
  pid=$!
  exec 5< pipe
  sleep 0.5
  ends_by $signal $pid
  exec 5<&-

  # The sender, into a file, in the middle: its reading is slow, because strace delays it.
  if command -v strace > /dev/null && strace -o /dev/null true 2> /dev/null; then
    strace -f -qq -o /dev/null -e trace=write,pwrite64,writev -e inject=write,pwrite64,writev:delay_enter=700000 \
      bsr-send "${POOL[@]}" -o out/stream 1 2> err &
    strace=$!
    wait_until made
    pid=$(pgrep -P $strace bsr-send)
    kill -$signal "$pid"
    status=0
    wait $strace || status=$?
    ((status == 128 + $(kill -l $signal))) || fail "status $status after SIG$signal: $(< err)"
    expect_same '' "$(ls -A out)" "files left by bsr-send -o after SIG$signal"
  fi
done
command -v strace > /dev/null || skip "signals while bsr-send -o writes: no strace"

# JSON Lines tell it, too.
bsr-recv --json ./out/target < pipe > said 2> err &
pid=$!
exec 5> pipe
head -c 900000 full >&5
sleep 0.5
ends_by TERM $pid
exec 5>&-
[[ $(tail -n 1 said) == *'"type":"exit","code":143,"id":"signal"'* ]] || complain "no last line about the signal in: $(< said)"

# SIGUSR1 prints one line of progress at any time, also while the reader does not read.
bsr-send "${POOL[@]}" 1 > pipe 2> err &
pid=$!
exec 5< pipe
sleep 0.5
kill -USR1 $pid
sleep 3
[[ $(wc -l < err) == 1 ]] || complain "3 seconds after SIGUSR1 there is not one line of progress: $(< err)"
cat <&5 > piped
exec 5<&-
wait $pid
expect_equal full piped
