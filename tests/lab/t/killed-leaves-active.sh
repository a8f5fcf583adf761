#!/bin/bash
# lab: solo disks=160M,160M timeout=400 programs=killable-bsr-send,killable-bsr-recv both-kernels
# What sender and receiver had activated when they were killed is put back by the next session of either, unless
# somebody uses it; what is active for another reason stays. Of two sessions with one base the last one puts it back.
set -euo pipefail
. /lab/lib.sh

# active_volumes: of both groups, but for the pools and volumes that are meant to be.
active_volumes() { lvs --noheadings -o lv_name -S 'lv_active=active && segtype=thin && lv_name!=vol' | tr -d ' ' | tr '\n' ' '; }

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 12M
write_random src/vol 0 8192 1
snapshot src/vol s1
write_random src/vol 0 8192 3
snapshot src/vol s2
snapshot src/vol s3
ship src/s1 '--pool dst/pool dst/copy'
expect_same '' "$(active_volumes)" "active volumes after a session"

# kill_sender: one that sends the second snapshot and is stopped in the middle.
mkfifo pipe
begin_sender() {
  # shellcheck disable=SC2217  # it holds the pipe open
  sleep 1000 < pipe &
  holder=$!
  bsr-send --patch always -i src/s1 src/s2 > pipe &
  sender=$!
  for ((i = 0; i < 100; i++)); do
    [[ $(active_volumes) != *"s1 s2 "* ]] || break
    sleep 0.2
  done
  sleep 1
}
kill_sender() {
  kill -9 $sender
  wait $sender || true
  kill $holder
  wait $holder || true
}

echo "a sender; the next one sends something else"
begin_sender
kill_sender
expect_same 's1 s2 ' "$(active_volumes)" "what a killed sender leaves"
expect_rc 0 bsr-send -n src/s2
[[ $OUTPUT == *'src/s1: is deactivated, a session that was killed had left it active'* ]] || fail "not said: $OUTPUT"
expect_same '' "$(active_volumes)" "active volumes after the next session"

echo "a sender; then a receiver"
begin_sender
kill_sender
expect_rc 0 bsr-recv -A dst/copy
expect_same '' "$(active_volumes)" "active volumes after a receiver"

echo "what somebody uses stays, and is put back later; what was active before stays"
begin_sender
kill_sender
exec 5< /dev/src/s1
thin_volume src/pool other 4M
expect_rc 0 bsr-send -n src/s2
expect_same 'other s1 ' "$(active_volumes)" "active volumes while one is open"
exec 5<&-
expect_rc 0 bsr-send -n src/s2
expect_same 'other ' "$(active_volumes)" "active volumes when it is closed"
lvremove -qq -y src/other

echo "a sender that lives keeps what it needs; renamed volumes are found"
begin_sender
expect_rc 0 bsr-send -n src/s3
expect_same 's1 s2 ' "$(active_volumes)" "active volumes while a sender is at work"
kill_sender
lvrename -qq src/s1 src/first
expect_rc 0 bsr-send -n src/s2
expect_same '' "$(active_volumes)" "active volumes after the next session"
lvrename -qq src/first src/s1

echo "a receiver, while it applies"
bsr-send -i src/s1 src/s2 > delta.bsr
BSR_KILL_POINT=applied killable-bsr-recv dst/copy < delta.bsr &> said &
receiver=$!
until grep -q applied said; do sleep 0.2; done
kill -9 $receiver
wait $receiver || true
[[ $(active_volumes) == *copy.bsr-recv* ]] || fail "nothing is left active"
expect_rc 0 bsr-send -n src/s2
expect_same '' "$(active_volumes)" "active volumes after a sender"
bsr-recv -A dst/copy
receive_from delta.bsr dst/copy
expect_equal src/s2 "$(newest_generation dst/copy)"

echo "two senders share a read-only snapshot and base: the last one puts them back"
lvchange -qq -pr src/s1 src/s2
begin_sender
bsr-send --patch always -i src/s1 src/s2 > second.bsr # another session, to its end
expect_same 's1 s2 ' "$(active_volumes)" "active volumes after the second session"
exec 4< pipe # there is always a reader
cat pipe > first.bsr 4<&- &
reader=$!
kill $holder
wait $holder || true
until [[ -s first.bsr ]]; do sleep 0.1; done
exec 4<&-
wait $sender $reader
expect_same '' "$(active_volumes)" "active volumes after both"
bsr-stream verify first.bsr
