#!/bin/bash
# lab: pair disks=128M:volatile,8M:volatile programs=killable-bsr-send,killable-bsr-recv timeout=400
# Either program is killed, or the receiver's node loses its power with all that was not flushed, at each named moment of
# a session (platform/kill_point.h). The standby holds the old or the new generation, with the right content; the transfer
# goes on where it was, sends nothing twice beyond one record, and nothing is left behind.
# Where losing most would hurt most. BSR_ROUNDS=all: each once. BSR_ROUNDS=N: so many random ones; BSR_SEED repeats them.
set -euo pipefail
. /lab/lib.sh

seed=${BSR_SEED:-$RANDOM}
echo "seed $seed"
RANDOM=$seed
RECEIVER=(checked working-copy prepared applied:1 applied:9 flushed recorded finished committed unacknowledged)
POWER=(prepared applied:9 recorded finished committed unacknowledged)
SENDER=(metadata-held begin-sent frame-sent:9 end-sent)

lab-wait-ssh dr
make_pool vg /dev/vda pool 64k -L 96M
on dr make_pool vg /dev/vda pool 128k -L 96M
thin_volume vg/pool data 16M
write_random vg/data 0 16384 1
snapshot vg/data s0
keep_records /dev/vdb
ship_first() { bsr-send vg/s0 | ssh dr bsr-recv --pool vg/pool vg/data; }
[[ $(ship_first) == 'committed '* ]] || fail "the first transfer"

number=0 held=s0 patch=never

# next_snapshot: 4 MiB of changes since the one that dr holds, less what is discarded of them, as vg/s$number. Every
# other one is sent as patches, and has changes within pages and copies of other places.
next_snapshot() {
  local i
  number=$((number + 1)) patch=never
  if ((number % 2 == 0)); then
    patch=always
    for ((i = 0; i < 16; i++)); do write_random vg/data $((RANDOM % 16384)) 1 "$RANDOM"; done
    for ((i = 0; i < 8; i++)); do copy_bytes vg/data $((RANDOM * 400)) 100000 $((RANDOM * 400)); done
  fi
  for ((i = 0; i < 8; i++)); do write_random vg/data $((i * 1984 + RANDOM % 1472)) 512 "$RANDOM"; done
  discard vg/data $((RANDOM % 250 * 64)) 320
  snapshot vg/data "s$number"
}

# expect_generation SNAPSHOT...: the newest one on dr is one of these, and whole.
expect_generation() {
  local tags content snapshot
  # shellcheck disable=SC2016
  on dr 'generation=$(newest_generation vg/data); lvs --noheadings -o lv_tags "$generation"; sum "$generation"' > there
  { read -r tags && read -r content; } < there
  for snapshot in "$@"; do
    [[ $tags == *"bsr.uuid=$(uuid "vg/$snapshot")"* ]] || continue
    expect_same "$(sum "vg/$snapshot")" "$content" "content of $snapshot"
    return
  done
  fail "the newest generation has $tags, and is none of: $*"
}

# expect_nothing_left: of a session that has ended well.
expect_nothing_left() {
  if metadata_snapshot_held vg/pool; then fail "the source's metadata snapshot is held"; fi
  # shellcheck disable=SC2016
  on dr 'if dmsetup info vg-pool-tpool &> /dev/null && metadata_snapshot_held vg/pool; then
      fail "the metadata snapshot is held"
    fi
    if active vg/data.bsr-recv; then fail "the working copy is active"; fi
    expect_same "" "$(lvs --noheadings -o lv_name vg | grep -v "^ *\(pool\|data.bsr-recv\|data.bsr-[0-9TZ-]*\) *\$" || true)" "volumes"
    expect_same "" "$(lvs --noheadings -o lv_tags vg | grep -o "bsr.applying[^,]*" || true)" "tags"
    expect_same "" "$(ls /var/lib/bsr | grep "^recv:" || true)" "records"
    if pgrep -x bsr-recv || pgrep -x killable-bsr-re; then fail "a process is left"; fi'
}

# session SENDER RECEIVER LIMIT WHAT...: its answer in `answer`, what both sides say in `said`; the stream is cut behind
# LIMIT bytes.
session() {
  local sender=$1 receiver=$2 limit=$3
  shift 3
  { $sender "$@" | tee >(wc -c > sent) | head -c "$limit" |
    ssh -o ServerAliveInterval=5 -o ServerAliveCountMax=3 dr "$receiver" vg/data; } > answer 2> said || true
}

# go_on: until it is committed; less than the whole is sent when something waits.
go_on() {
  local token what=(-i "vg/$held" "vg/s$number")
  token=$(ssh dr bsr-recv -t vg/data)
  if [[ -n $token ]]; then
    echo "  continues at $(bsr-send -n -v -t "$token" 2>&1 | sed -n 's/.*continued at \([^:]*\):.*/\1/p')"
    what=(-t "$token")
  fi
  session bsr-send bsr-recv 1G --patch $patch "${what[@]}"
  expect_same "committed $(uuid "vg/s$number")" "$(< answer)" "answer ($(< said))"
  expect_generation "s$number"
  expect_nothing_left
  lvremove -qq -y "vg/$held"
  held=s$number
  # The standby keeps three.
  # shellcheck disable=SC2016
  on dr 'generations vg/data | head -n -3 | while read -r old; do lvremove -qq -y "$old"; done'
}

# The program says in which process it stopped.
stopped() { sed -n 's/^at kill point .* in process \([0-9]*\)$/\1/p' said; }
wait_until_stopped() {
  local tries
  for ((tries = 0; tries < 600; tries++)); do
    if [[ -n $(stopped) ]]; then return; fi
    sleep 0.1
  done
  fail "the kill point is not reached: $(< said)"
}

# round WAY POINT: WAY is receiver, power or sender.
round() {
  local way=$1 point=$2 limit=1G sender=bsr-send receiver=bsr-recv running
  echo "s$number: $way at $point"
  # A record is made of a transfer that is cut.
  if [[ $point == flushed || $point == recorded ]]; then limit=3M; fi
  : > said
  if [[ $way == sender ]]; then
    sender="env BSR_KILL_POINT=$point killable-bsr-send"
  else
    receiver="BSR_KILL_POINT=$point killable-bsr-recv"
  fi
  session "$sender" "$receiver" "$limit" --patch $patch -i "vg/$held" "vg/s$number" &
  running=$!
  wait_until_stopped
  case $way in
    sender) kill -9 "$(stopped)" ;;
    receiver) ssh dr kill -9 "$(stopped)" ;;
    power)
      power_cut
      power_on
      ;;
  esac
  wait $running
  # Deactivated by the session that follows, or not at all, because it may be somebody's.
  if [[ $way == sender ]]; then lvchange -qq -an "vg/s$number" "vg/$held"; fi
  if [[ $point == committed || $point == unacknowledged || $point == end-sent ]]; then
    expect_generation "s$number"
  else
    expect_generation "$held"
  fi
  go_on
}

if [[ -z ${BSR_ROUNDS:-} ]]; then
  next_snapshot && round receiver committed
  next_snapshot && round sender metadata-held
  for point in recorded unacknowledged; do next_snapshot && round power "$point"; done
elif [[ $BSR_ROUNDS != all ]]; then
  for ((i = 0; i < BSR_ROUNDS; i++)); do
    next_snapshot
    case $((RANDOM % 3)) in
      0) round receiver "${RECEIVER[RANDOM % ${#RECEIVER[@]}]}" ;;
      1) round power "${POWER[RANDOM % ${#POWER[@]}]}" ;;
      2) round sender "${SENDER[RANDOM % ${#SENDER[@]}]}" ;;
    esac
  done
else
  for point in "${RECEIVER[@]}"; do next_snapshot && round receiver "$point"; done
  for point in "${SENDER[@]}"; do next_snapshot && round sender "$point"; done
  for point in "${POWER[@]}"; do next_snapshot && round power "$point"; done
fi
