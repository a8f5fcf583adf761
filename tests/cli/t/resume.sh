#!/bin/bash
# A transfer that is cut, damaged or killed goes on where it was, whatever was sent; nothing else does.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 12M v1
write_random v1 0 5000 1
write_text v1 5100 3000 text
write_random v1 9000 3288 2
cp v1 v2
for offset in 100 2500 5500 7000 10000; do write_random v2 $offset 1000 $offset; done
write_zero v2 3600 700
make_pool 64 v1 v2
SEED=${BSR_SEED:-$RANDOM}
echo "BSR_SEED=$SEED"
RANDOM=$SEED

# random_place FILE: somewhere behind its first quarter
random_place() {
  local size
  size=$(stat -c %s "$1")
  echo $((size / 4 + (RANDOM * 32768 + RANDOM) % (size * 3 / 4)))
}
spoiled() { # FILE: two bytes changed
  cp "$1" "$1.spoiled"
  local at
  at=$(random_place "$1")
  flip_byte "$1.spoiled" "$at"
  flip_byte "$1.spoiled" $((at + 1 < $(stat -c %s "$1") ? at + 1 : at - 1))
  echo "$1.spoiled"
}
cut_off() { head -c "$(random_place "$1")" "$1" > "$1.cut" && echo "$1.cut"; }

# damaged_round TARGET EXPECTED BASE OPTION...: OPTION for bsr-send; the stream is damaged twice in a row, then goes on.
damaged_round() {
  local target=$1 expected=$2 base=$3 kind file token whole identity
  local first=("${@:4}")
  identity=$(identity "${!#}")
  send_to stream "${first[@]}"
  whole=$(stat -c %s stream)
  for _ in 1 2; do
    if ((RANDOM % 7 < 5)); then kind=truncated file=$(cut_off stream); else kind=corrupt file=$(spoiled stream); fi
    # In a short rest the damage may hit BEGIN, or come before the first new checkpoint.
    expect_rc "$kind" bsr-recv ${base:+--base "$base"} "$target" < "$file"
    token=$(bsr-recv -t "$target")
    if [[ -z $token ]]; then
      expect_says 'send it again|send a full stream'
      send_to stream "${first[@]}"
      continue
    fi
    if [[ $OUTPUT == *'kept, continue with'* ]]; then expect_says "bsr-send -t $token --metadata FILE --data FILE \\| bsr-recv"; fi
    send_to stream -t "$token"
    bsr-send "${POOL[@]}" -n -v -t "$token" 2> plan
    grep -q 'continued at' plan || fail "plan: $(< plan)"
    (($(stat -c %s stream) < whole)) || fail "the whole stream is sent again"
  done
  expect_same "committed $identity" "$(bsr-recv ${base:+--base "$base"} "$target" < stream)" answer
  expect_equal "$expected" "$target"
  expect_same '' "$(bsr-recv -t "$target")" "token after the end"
  [[ ! -e $target.bsr-resume && ! -e $target.bsr-partial ]] || fail "left: $(ls "$target"*)"
}
for ((round = 0; round < ${BSR_ROUNDS:-1}; round++)); do
  for compress in none zstd; do
    rm -f ./full ./changed
    damaged_round ./full v1 '' --compress $compress 1
    cp v1 changed
    damaged_round ./changed v2 "$(identity 1)" --compress $compress -i 1 2
  done
done

# What waits is continued or dropped, by name, and nothing else.
send_to whole 1
send_to other 2
rm -f target
expect_rc truncated bsr-recv ./target < <(head -c 5000000 whole)
token=$(bsr-recv -t ./target)
[[ $token =~ ^bsr1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+$ ]] || fail "token: $token"
cp target.bsr-partial partial.before
for stream in whole other; do
  expect_rc base bsr-recv ./target < $stream
  expect_says 'holds a part of snapshot' "bsr-send -t $token" 'bsr-recv -A ./target'
done
send_to rest -t "$token"
bsr-send "${POOL[@]}" -n -P -t "$token" > parsable
size=$(sed -n 's/^size\t//p' parsable)
((size > 0 && size < 12 * 1048576)) || fail "size $size"
grep -q "^full	1	$size\$" parsable || fail "plan: $(< parsable)"
expect_rc base bsr-recv ./elsewhere < rest
expect_says 'none waits here'
cmp partial.before target.bsr-partial
# A file of this name that is written meanwhile is another one.
bsr-send "${POOL[@]}" -o target 1
rm target
cmp partial.before target.bsr-partial

# Cut again: the older token is outdated then.
expect_rc truncated bsr-recv ./target < <(head -c 2500000 rest)
newer=$(bsr-recv -t ./target)
[[ $newer != "$token" ]] || fail "no progress"
expect_rc base bsr-recv ./target < rest
expect_says 'outdated' "bsr-send -t $newer"
# Nobody else meanwhile.
mkfifo pipe
bsr-recv ./target < pipe > said 2> err &
pid=$!
exec 5> pipe
send_to rest -t "$newer"
head -c 100000 rest >&5
sleep 0.5
expect_rc busy bsr-recv ./target < rest
kill -9 $pid
exec 5>&-
{ wait $pid || true; } 2> /dev/null
expect_same "committed $(identity 1)" "$(bsr-recv --ack ./target < rest | tail -n 1 | cut -d' ' -f1,2)" "after the other was killed"
expect_equal v1 target

# Dropped by hand.
rm -f target
expect_rc truncated bsr-recv ./target < <(head -c 5000000 whole)
expect_rc ok bsr-recv -A ./target
[[ ! -e target.bsr-resume && ! -e target.bsr-partial ]] || fail "left: $(ls target*)"
expect_rc ok bsr-recv -A ./target
receive_from other ./target
expect_equal v2 target
rm target
expect_rc truncated bsr-recv --no-resume ./target < <(head -c 5000000 whole)
[[ ! -e target.bsr-resume && ! -e target.bsr-partial ]] || fail "left: $(ls target*)"

# A token that is damaged, for something else, or for what is gone.
for wrong in "${token}A" "${token%?}" "bsr1.${token:6}" x "" "bsr1.00000000." "bsr1.$(head -c 5000 /dev/zero | tr '\0' a)"; do
  expect_rc usage bsr-send "${POOL[@]}" -t "$wrong"
done
expect_rc unsupported bsr-send "${POOL[@]}" -t "bsr2.${token:5}"
expect_rc usage bsr-send "${POOL[@]}" -t "$token" 2
expect_says 'is for thin device 1'
expect_rc usage bsr-send "${POOL[@]}" -t "$token" -i 1
cp pool.meta saved.meta
rewrite_same 1 130  # of zeros: it maps more now
expect_rc diverged bsr-send "${POOL[@]}" -t "$token"
expect_says 'was written to, trimmed, merged or replaced since' 'bsr-recv -A'
cp saved.meta pool.meta
# Both are what they were, and still there is more to send: chunks that were shared are no more.
make_pool 64 v1 v2
send_to change --compress none --patch never -i 1 2
cp v1 moved
expect_rc truncated bsr-recv --base "$(identity 1)" ./moved < <(head -c 2000000 change)
rewrite_same 2 30
expect_rc base bsr-send "${POOL[@]}" -t "$(bsr-recv -t ./moved)"
expect_says 'is not what it was' 'bsr-recv -A'
make_pool 64 v2
sed -i 's/dev_id="1"/dev_id="7"/' pool.xml
restore_metadata
expect_rc base bsr-send "${POOL[@]}" -t "$token"
expect_says 'has no snapshot image:1' 'bsr-recv -A'

# Killed without a word: what was recorded by then stays. Every 64 MiB, or 5 seconds, it is.
truncate -s 78M large
for offset in 0 19968 39936 59904; do write_random large $offset 19968 $offset; done
make_pool 1024 large
send_to whole --compress none 1
# shellcheck disable=SC2317  # called below
durable() { grep -q '^durable' said; }
for verify in none written; do
  start=$SECONDS
  bsr-recv --verify $verify --ack ./killed < pipe > said 2> err &
  pid=$!
  exec 5> pipe
  head -c 74M whole >&5
  wait_until durable
  took=$((SECONDS - start))
  kill -9 $pid
  exec 5>&-
  { wait $pid || true; } 2> /dev/null
  position=$(sed -n 's/^durable //p' said | tail -n 1)
  # Where a step of reading back is under way, the record is of that; on a slow disk five seconds are over first.
  least=$((10 * 1048576))
  if [[ $verify == none ]] && ((took <= 3)); then least=$((60 * 1048576)); fi
  ((position >= least)) || fail "durable at $position"
  send_to rest -t "$(bsr-recv -t ./killed)"
  (($(stat -c %s rest) < 79 * 1048576 - position)) || fail "too much is sent again"
  receive_from rest ./killed > said
  expect_equal large killed
  rm killed
done
