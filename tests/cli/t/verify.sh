#!/bin/bash
# What was written is read back before it counts: a target that gives back something else is not committed.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

# Less than what is read back while a stream comes, so that all of it is read behind its end.
truncate -s 4M v1
write_random v1 0 256 1
write_random v1 2048 256 2
write_text v1 3648 448 text
cp v1 v2
write_random v2 100 200 3
write_zero v2 2048 192
make_pool 64 v1 v2
base=$(identity 1)
send_to full 1
send_to change -i 1 2
send_to change-root --content-digest -i 1 2

# ---- a target that lies ----------------------------------------------------------------------
# half STREAM FILE ARG...: bsr-recv has all of the stream but its end, and has written it.
half() {
  rm -f pipe
  mkfifo pipe
  bsr-recv "${@:3}" "$2" < pipe > said 2> err &
  pid=$!
  exec 5> pipe
  head -c -192 "$1" >&5
}
holds() { LC_ALL=C grep -aqF "$1" "$2" 2> /dev/null; }
# rest STREAM STATUS: its end comes, and bsr-recv ends with this status.
rest() {
  local status=0
  tail -c 192 "$1" >&5
  exec 5>&-
  wait $pid || status=$?
  OUTPUT=$(< err)
  expect_same "$2" "$status" "status of bsr-recv"
}

written=$'text\ntext' # the last thing in it
half full ./copy --verify written
wait_until holds "$written" ./copy.bsr-partial
flip_byte copy.bsr-partial $((2048 * 1024 + 100))
rest full "${EXIT_STATUS[verify]}"
expect_says 'copy.bsr-partial: at byte 2097152 .*other bytes than were written' 'kernel log'
expect_same '' "$(< said)" output
[[ ! -e copy ]] || fail "it was committed"

# Nobody looks.
rm -f copy.*
half full ./copy --verify none
wait_until holds "$written" ./copy.bsr-partial
flip_byte copy.bsr-partial $((2048 * 1024 + 100))
rest full 0
expect_same "committed $base" "$(< said)" output
cmp -s copy v1 && fail "it was not damaged"

# Zeros that are none.
cp v1 copy
zero() { cmp -s <(dd if="$1" bs=1K skip="$2" count="$3" status=none) <(head -c "$(($3 * 1024))" /dev/zero); }
half change ./copy --base "$base"
wait_until zero copy 2048 192
flip_byte copy $((2100 * 1024 + 17))
rest change "${EXIT_STATUS[verify]}"
expect_says "copy: at byte $((2100 * 1024 + 17)) .*zeros"

# ---- the choices -----------------------------------------------------------------------------
fresh() { rm -f copy && receive_from full ./copy > said; }
for verify in written none all; do
  fresh
  receive_from change --verify $verify --base "$base" ./copy > said 2> err
  expect_equal v2 copy
  OUTPUT=$(< err)
  if [[ $verify == all ]]; then expect_says 'no.* --content-digest|--content-digest'; else expect_same '' "$OUTPUT" messages; fi
  fresh
  receive_from change-root --verify $verify --base "$base" ./copy 2> err
  expect_equal v2 copy
  expect_same '' "$(< err)" messages
done
# A base that is damaged where nothing is shipped: the digest shows it, unless nobody looks.
cp v1 copy
flip_byte copy $((3900 * 1024))
cp copy damaged
expect_rc verify receive_from change-root --base "$base" ./copy
cp damaged copy
expect_rc verify receive_from change-root --verify all --base "$base" ./copy
cp damaged copy
receive_from change-root --verify none --base "$base" ./copy
expect_rc usage receive_from change --verify everything ./copy
