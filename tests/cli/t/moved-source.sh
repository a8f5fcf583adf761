#!/bin/bash
# Snapshots that were written to after they were taken, in pool images: what a snapshot of the base shares of that is shipped,
# and a transfer does not go on over what was rewritten in place.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

# own DEVICE CHUNK: as if the device had got what it maps there after it was taken, and its later snapshots from it.
own() {
  awk -v device="$1" -v chunk="$2" '
    match($0, /<device dev_id="[0-9]+"/) { id = substr($0, RSTART + 16, RLENGTH - 17) + 0 }
    id >= device && $0 ~ "origin_block=\"" chunk "\"" { sub(/time="[0-9]+"/, "time=\"" device "\"") }
    { print }' pool.xml > pool.own
  mv pool.own pool.xml
  restore_metadata
}
# cloned DEVICE: somebody made a snapshot of it.
cloned() {
  sed -i "/dev_id=\"$1\"/s/snap_time=\"[0-9]*\"/snap_time=\"9\"/" pool.xml
  restore_metadata
}
planned() { bsr-send "${POOL[@]}" --size 4194304 -nP "$@" | sed -n 's/^size\t//p'; }
state() { bsr-stream dump --json "$1" | sed -n "1s/.*\"$2\":\"\\([0-9a-f]*\\)\".*/\\1/p"; }

truncate -s 4M v1
write_random v1 0 4096 1
cp v1 v2
write_random v2 1000 1 2
make_pool 64 v1 v2
expect_same 65536 "$(planned -i 1 2)" "without a write"
send_to plain --size 4194304 -i 1 2
cloned 1
expect_same 65536 "$(planned -i 1 2)" "a base that was cloned"
send_to clone --size 4194304 -i 1 2
cmp plain clone
own 1 40
for engine in native thin-tools check; do
  expect_same 131072 "$(planned --delta-engine $engine -i 1 2)" "with a write that the snapshot shares, $engine"
done
send_to written --size 4194304 -i 1 2
[[ $(state plain base_state) != "$(state written base_state)" ]] || fail "the base has the same state"
[[ -n $(state plain state) ]] || fail "no state"

# What was shipped of the base was something else there, in place: the change makes it right.
cp v1 target
write_random target 2600 8 7
receive_from written ./target --base "$(identity 1)" > said
expect_equal v2 target

# A file remembers in which state its base came, also as a copy that keeps attributes.
make_pool 64 v1 v2
send_to first --size 4194304 1
send_to change --size 4194304 -i 1 2
receive_from first ./known > said
cp known forgetful
cp --preserve=all known copy
own 1 40
cloned 1
send_to later --size 4194304 -i 1 2
for name in ./known ./copy; do
  expect_rc diverged receive_from later "$name" --base "$(identity 1)"
  expect_says 'written to, trimmed, merged or replaced on the sending side' 'send a full stream' "bsr-recv --digests $name"
  expect_equal v1 "$name"
  expect_rc ok receive_from change "$name" --base "$(identity 1)"
  [[ $OUTPUT != *'is not known'* ]] || fail "it says: $OUTPUT"
  expect_equal v2 "$name"
done
expect_rc ok receive_from later ./forgetful --base "$(identity 1)"
expect_says "whether $(identity 1) stood still on the sending side since it came here is not known"
# What a transfer left half it does not remember as whole.
receive_from first ./known > said
expect_rc truncated bsr-recv --base "$(identity 1)" ./known < <(head -c -100 change)
expect_same "['user.bsr.half']" "$(python3 -c 'import os; print(os.listxattr("known"))')" "what it remembers"

# A transfer that is cut, and its snapshot rewritten in place.
make_pool 64 v1 v2
own 1 3
send_to full --size 4194304 --compress none 1
expect_rc truncated bsr-recv ./copy < <(head -c 2000000 full)
token=$(bsr-recv -t ./copy)
send_to rest -t "$token"
bsr-stream dump rest > shown
grep -q ' HOLDS .* 196608+65536 ' shown || fail "$(< shown)"

# Every output hears of it.
mkfifo one two
bsr-send "${POOL[@]}" -t "$token" -o one -o two &
sender=$!
cat one > rest1 &
reader=$!
cat two > rest2
wait $sender $reader
for rest in rest1 rest2; do
  bsr-stream dump $rest > shown
  grep -q ' HOLDS ' shown || fail "$(< shown)"
done
receive_from rest1 ./copy > said
expect_equal v1 copy

expect_rc truncated bsr-recv ./other < <(head -c 2000000 full)
dd if=/dev/zero of=pool.data bs=512 seek=$((196608 / 512 + 5)) count=1 conv=notrunc status=none
send_to rest -t "$(bsr-recv -t ./other)"
expect_rc diverged bsr-recv ./other < rest
expect_says 'was written to since' 'nothing was changed' 'bsr-recv -A ./other'
[[ ! -e other ]] || fail "it was committed"
