#!/bin/bash
# lab: solo disks=96M,96M timeout=400 both-kernels
# A generation that was written to (made writable once), trimmed, or replaced (lvconvert --merge of a drill) is no base: neither
# with its witness, the working copy, nor without, nor with --rollback. The message names the resync that repairs it, and that works as printed.
# A generation that stood is one, though a drill was made of it.
set -euo pipefail
. /lab/lib.sh
make_pool src /dev/vda pool 64k -L 48M
make_pool dst /dev/vdb pool 64k -L 72M
thin_volume src/pool vol 4M
write_random src/vol 0 2048 1
snapshot src/vol s1
write_random src/vol 100 200 2
snapshot src/vol s2
send_to change.bsr -i src/s1 src/s2

# writable VOLUME COMMAND...: it is active and can be written meanwhile
writable() {
  lvchange -qq -prw "$1"
  lvchange -qq -ay -K "$1"
  "${@:2}"
  lvchange -qq -an "$1"
  lvchange -qq -pr "$1"
}
drill() { # GENERATION: used, and kept
  lvcreate -qq -y -s "$1" -n drill -prw
  lvchange -qq -ay -K dst/drill
  write_random dst/drill 2500 64 8
  lvchange -qq -an dst/drill
}
merged() { # GENERATION: the drill takes its place
  drill "$1"
  lvchange -qq -prw "$1"
  lvconvert -qq -y --merge dst/drill
  lvchange -qq -pr "$1"
}

for way in written trimmed merged; do
  echo "== $way"
  ship src/s1 "--pool dst/pool dst/$way" > /dev/null
  generation=$(newest_generation "dst/$way")
  case $way in
    written) writable "$generation" write_random "$generation" 3500 64 9 ;;
    trimmed) writable "$generation" discard "$generation" 1024 64 ;;
    merged) merged "$generation" ;;
  esac
  before=$(sum "$generation")
  expect_rc 14 receive_from change.bsr "dst/$way"
  expect_rc 14 receive_from change.bsr --rollback "dst/$way"
  bsr-recv -A "dst/$way"
  lvremove -qq -y "dst/$way.bsr-recv"
  expect_rc 14 receive_from change.bsr "dst/$way"
  expect_rc 14 receive_from change.bsr --rollback "dst/$way"
  expect_same "$before" "$(sum "$generation")" "the generation"
  grep -q "bsr-recv --digests dst/$way > MAP" <<< "$OUTPUT" || fail "no resync is named: $OUTPUT"
  bsr-recv --digests "dst/$way" > MAP
  bsr-send --against MAP src/s2 | bsr-recv "dst/$way"
  expect_equal src/s2 "$(newest_generation "dst/$way")"
done

echo "== stood"
ship src/s1 '--pool dst/pool dst/stood' > /dev/null
drill "$(newest_generation dst/stood)"
lvchange -qq -ay -K dst/stood.bsr-recv
write_random dst/stood.bsr-recv 3000 64 7
lvchange -qq -an dst/stood.bsr-recv
expect_rc 14 receive_from change.bsr dst/stood
[[ $OUTPUT == *--rollback* ]] || fail "the way back is not named: $OUTPUT"
expect_rc 0 receive_from change.bsr --rollback dst/stood
expect_equal src/s2 "$(newest_generation dst/stood)"
