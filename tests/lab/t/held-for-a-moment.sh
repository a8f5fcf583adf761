#!/bin/bash
# lab: solo disks=128M,128M timeout=300
# A program that looks at a device for a moment fails no session: neither one that opens it for itself nor one that
# makes LVM say "in use". Who holds it on is named in the right words, and a signal ends the wait.
set -euo pipefail
. /lab/lib.sh
make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 4M
write_random src/vol 0 1024 1
snapshot src/vol s1

# hold SECONDS VOLUME: reads nothing, and has it open.
hold() {
  # shellcheck disable=SC2217  # it only has it open
  sleep "$1" < "$(device "$2")" &
  holder=$!
}

echo "a writable snapshot that is active, and read for a moment"
lvchange -qq -K -ay src/s1
hold 2 src/s1
bsr-send src/s1 > full.bsr
wait $holder
echo "and for long"
hold 60 src/s1
expect_rc 10 bsr-send -n src/s1
[[ $OUTPUT == *'this snapshot is writable, and another program has it open'* && $OUTPUT != *'make a snapshot'* ]] ||
  fail "said: $OUTPUT"
echo "a signal ends the wait"
bsr-send -n src/s1 &
sender=$!
sleep 2
kill -TERM $sender
status=0
wait $sender || status=$?
expect_same 143 "$status" "status after SIGTERM"
kill $holder
wait $holder || true
echo "the volume itself"
hold 60 src/vol
expect_rc 10 bsr-send -n src/vol
[[ $OUTPUT == *'make a snapshot'* ]] || fail "said: $OUTPUT"
kill $holder
wait $holder || true

echo "a plain target that another program claims for a moment"
thin_volume dst/pool plain 4M
dmsetup create above --table "0 8192 linear /dev/dst/plain 0"
(sleep 2 && dmsetup remove above) &
receive_from full.bsr /dev/dst/plain
wait
expect_equal src/s1 dst/plain

echo "a snapshot that is looked at while it is put back"
lvchange -qq -an src/s1
bsr-send src/s1 | {
  head -c 1000 > /dev/null
  hold 3 src/s1
  cat > /dev/null
  wait
}
if active src/s1; then fail "still active"; fi
echo "and for long: that fails nothing, and the next session does it"
mkfifo out
cat out > /dev/null &
bsr-send src/s1 > out 2> said &
sender=$!
until active src/s1; do sleep 0.1; done
hold 60 src/s1
wait $sender
grep -q 'src/s1 stays active until the next session' said || fail "said: $(< said)"
kill $holder
wait $holder || true
active src/s1 || fail "not active"
bsr-send -n src/s1
if active src/s1; then fail "still active after the next session"; fi
