#!/bin/bash
# lab: solo disks=96M,160M timeout=300
# A full stream and a delta, compressed or not, that are damaged at random twice in a row (5 of 7 are cut, in 2 of 7 two
# bytes are changed): 11 or 12 each time, the newest generation stays whole, and a third one, which continues where the
# second ended or sends again, brings the source's content. BSR_SEED repeats a run, BSR_ROUNDS is the number of rounds.
set -euo pipefail
. /lab/lib.sh

seed=${BSR_SEED:-$RANDOM}
echo "seed $seed"
RANDOM=$seed

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 128k -L 128M
thin_volume src/pool vol 12M
write_random src/vol 0 4096 1
number=0
snapshot src/vol s0
: > block

# Half of what is written repeats itself, so that compression has something to do.
next_snapshot() {
  local i
  number=$((number + 1))
  for i in 1 2 3 4 5 6; do
    write_random src/vol $((RANDOM % 2816 * 4)) 512 "$RANDOM"
    lab-io random block 0 65536 "$RANDOM"
    cat block block block block block block block block > repeated
    dd if=repeated of=/dev/src/vol bs=64k seek=$((RANDOM % 184)) oflag=direct conv=notrunc,fsync status=none
  done
  discard src/vol $((RANDOM % 180 * 64)) 320
  snapshot src/vol "s$number"
}

# somewhere SIZE: a random `offset` below it. Not in a subshell, whose RANDOM would not follow the seed.
somewhere() { offset=$(((RANDOM * 32768 + RANDOM) % $1)); }

# damage FILE: as `damaged`; what was done to it is in `done_to_it`. The code that the receiver must return is in `codes`.
damage() {
  local size offset byte i
  size=$(stat -c %s "$1")
  if ((RANDOM % 7 < 5)); then
    somewhere "$size"
    head -c "$offset" "$1" > damaged
    done_to_it="cut at $offset of $size" codes='11'
    return
  fi
  cp "$1" damaged
  done_to_it="changed" codes='11 12'  # a length that was changed may want more than there is
  for ((i = 0; i < 2; i++)); do
    somewhere "$size"
    byte=$(od -An -tu1 -j "$offset" -N 1 damaged)
    # shellcheck disable=SC2059
    printf "\\x$(printf '%02x' $((byte ^ (1 + RANDOM % 255))))" |
      dd of=damaged bs=1 seek="$offset" conv=notrunc status=none
    done_to_it+=" at $offset"
  done
  if cmp -s "$1" damaged; then fail "the seed $seed changes the same byte twice, back to what it was"; fi
}

newest_sum=''  # of the newest generation
# transfer TARGET SNAPSHOT SEND_ARGS RECV_ARGS: two damaged ones, then a good one.
transfer() {
  local target=$1 what before try token='' status answer
  before=$(generations "$target")
  for try in 1 2 3; do
    if [[ -n $token ]]; then what="-t $token"; else what=$3; fi
    # shellcheck disable=SC2086  # words on purpose
    bsr-send --compress "$compression" $what > stream.bsr
    if ((try == 3)); then break; fi
    damage stream.bsr
    echo "${2#src/} into $target, $compression, ${what:0:2}: $done_to_it"
    status=0
    # shellcheck disable=SC2086
    bsr-recv $4 "$target" < damaged > answer 2> said || status=$?
    [[ " $codes " == *" $status "* ]] || fail "status $status: $(< said)"
    expect_same '' "$(< answer)" "the answer"
    expect_same "$before" "$(generations "$target")" "generations"
    # What came before is not lost: a token that was there is there, the same or a later one.
    what=$token
    token=$(bsr-recv -t "$target")
    if [[ -n $what && -z $token ]]; then fail "the token is gone: $(< said)"; fi
  done
  if [[ -n $before ]]; then
    expect_same "$newest_sum" "$(sum "$(tail -n 1 <<< "$before")")" "content of the newest generation"
  fi
  # shellcheck disable=SC2086
  answer=$(bsr-recv $4 "$target" < stream.bsr)
  [[ $answer == 'committed '* ]] || fail "the answer: $answer"
  newest_sum=$(sum "$2")
  expect_same "$newest_sum" "$(sum "$(newest_generation "$target")")" "content of $2"
}

for ((round = 0; round < ${BSR_ROUNDS:-2}; round++)); do
  compression=none
  if ((round % 2 == 0)); then compression=zstd; fi
  next_snapshot
  transfer "dst/full$round" "src/s$number" "src/s$number" '--pool dst/pool'
  next_snapshot
  transfer "dst/full$round" "src/s$number" "-i src/s$((number - 1)) src/s$number" ''
  # Room for the next round.
  lvremove -qq -y -S "lv_tags=bsr.target=full$round" dst
  lvremove -qq -y "src/s$((number - 1))"
done
expect_same "" "$(find /var/lib/bsr -name "recv:*")" records
expect_same pool "$(lvs --noheadings -o lv_name dst | tr -d ' ')" "volumes"
