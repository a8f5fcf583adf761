#!/bin/bash
# lab: solo disks=160M,160M timeout=300
# A read of a suspended device never returns. The sender hears signals and its stall clock all the same, the receiver
# that writes hears signals, and what they left active is put back when the device is resumed.
set -euo pipefail
. /lab/lib.sh
make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 24M
write_random src/vol 0 16384 1
snapshot src/vol s1

# stuck_sender OPTION...: one that has its device suspended while it reads; sets `sender`.
mkfifo pipe
stuck_sender() {
  # shellcheck disable=SC2217  # it holds the pipe open
  sleep 1000 < pipe &
  holder=$!
  bsr-send "$@" src/s1 > pipe 2> said &
  sender=$!
  until [[ $(lvs --noheadings -o lv_device_open src/s1) == *open* ]]; do sleep 0.1; done
  sleep 1
  dmsetup suspend --noflush src-s1
  # From here on it is read from, and nothing comes back.
  cat pipe > rest &
  reader=$!
  until [[ -s rest ]]; do sleep 0.1; done
  kill $holder
  wait $holder || true
}

# ends_within SECONDS STATUS
ends_within() {
  local status=0 begin=$SECONDS
  (sleep 60 && kill -9 $sender && echo "killed" >> said) &
  local guard=$!
  wait $sender || status=$?
  kill $guard 2> /dev/null || true
  expect_same "$2" "$status" "status"
  ((SECONDS - begin <= $1)) || fail "it took $((SECONDS - begin)) s"
  grep -q 'does not answer: the device, or one below it, is suspended' said || fail "said: $(< said)"
}

echo "a signal"
stuck_sender
sleep 3
[[ -d /proc/$sender ]] || fail "it ended: $(< said)"
kill -TERM $sender
ends_within 10 143
grep -q "/dev/" said
dmsetup resume src-s1
wait $reader
bsr-send -n src/s1 2> said
grep -q 'src/s1: is deactivated' said || fail "said: $(< said)"
if active src/s1; then fail "still active"; fi

echo "the stall clock"
stuck_sender --stall-timeout 5
ends_within 30 10
dmsetup resume src-s1
wait $reader
bsr-send -n src/s1
if active src/s1; then fail "still active"; fi

echo "a device below the pool"
stuck_sender
dmsetup suspend --noflush src-pool_tdata
dmsetup resume src-s1
sleep 3
kill -TERM $sender
ends_within 10 143
dmsetup resume src-pool_tdata
wait $reader
bsr-send -n src/s1
if active src/s1; then fail "still active"; fi

echo "a receiver that writes"
thin_volume dst/pool plain 24M
bsr-send src/s1 > full.bsr
{ head -c 4M full.bsr && sleep 5 && { tail -c +$((4 * 1024 * 1024 + 1)) full.bsr || true; }; } | bsr-recv /dev/dst/plain 2> said &
sender=$!
sleep 3
dmsetup suspend --noflush dst-plain
sleep 5
sender=$(pgrep -x bsr-recv)
kill -TERM "$sender"
for ((i = 0; i < 100; i++)); do
  pgrep -x bsr-recv > /dev/null || break
  sleep 0.1
done
pgrep -x bsr-recv && fail "the receiver is deaf"
dmsetup resume dst-plain
wait || true
