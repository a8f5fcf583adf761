#!/bin/bash
# lab: pair disks=96M:volatile,96M:volatile,16M timeout=900
# Power of the receiving node is cut at random moments of a session, and right after it said `committed`. What the sender
# was told is there then, and is the source's content, bit for bit; the same change can be sent again.
#
# In the group `one` the disk forgets all that was not flushed. In `split` it keeps, loses or tears each such write by seed;
# LVM's own metadata is on a disk that keeps everything, because LVM itself does not survive this: it never flushes between
# a new text and the header that points to it.
set -euo pipefail
. /lab/lib.sh

seed=${BSR_SEED:-$RANDOM}
echo "seed $seed"
RANDOM=$seed

lab-wait-ssh dr
make_pool vg /dev/vda pool 64k -L 64M
on dr make_pool one /dev/vda pool 64k -L 64M
on dr 'pvcreate -qq --metadatacopies 0 /dev/vdb && vgcreate -qq split /dev/vdb /dev/vdc'
on dr lvcreate -qq -y --type thin-pool -c 64k --poolmetadatasize 8M -L 64M -n pool split /dev/vdb
thin_volume vg/pool data 12M
write_random vg/data 0 12288 1
snapshot vg/data s0
for group in one split; do bsr-send vg/s0 | ssh dr bsr-recv --pool "$group/pool" "$group/data"; done

uuid() { lvs --noheadings -o lv_uuid "$1" | tr -d ' '; }
milliseconds() { date +%s%3N; }

number=0
declare -A held=([one]=s0 [split]=s0)  # by group: the newest snapshot there

# next_snapshot: some more writes and discards, as vg/s$number.
next_snapshot() {
  local i
  number=$((number + 1))
  for ((i = 0; i < 6; i++)); do write_random vg/data $((RANDOM % 11776)) 512 "$RANDOM"; done
  discard vg/data $((RANDOM % 180 * 64)) 320
  snapshot vg/data "s$number"
}

# send GROUP: what leads there to the newest snapshot, or the rest of it; the receiver's answer on stdout.
send() {
  local token what=(-i "vg/${held[$1]}" "vg/s$number")
  token=$(ssh dr bsr-recv -t "$1/data")
  if [[ -n $token ]]; then
    echo "  continues" >&2
    what=(-t "$token")
  fi
  bsr-send "${what[@]}" | ssh -o ServerAliveInterval=1 -o ServerAliveCountMax=2 dr bsr-recv "$1/data"
}

# expect_newest GROUP SNAPSHOT...: the newest generation there is one of these, whole.
expect_newest() {
  local tags content snapshot
  # shellcheck disable=SC2016
  on dr "generation=\$(newest_generation $1/data);" 'lvs --noheadings -o lv_tags "$generation"; sum "$generation"' > there
  { read -r tags && read -r content; } < there
  for snapshot in "${@:2}"; do
    [[ $tags == *"bsr.uuid=$(uuid "vg/$snapshot")"* ]] || continue
    expect_same "$(sum "vg/$snapshot")" "$content" "$snapshot in $1"
    echo "  the newest is $snapshot"
    return
  done
  fail "the newest generation of $1 has $tags, and is none of: ${*:2}"
}

# send_whole GROUP: a session that nobody disturbs.
send_whole() {
  expect_same "committed $(uuid "vg/s$number")" "$(send "$1")" "the answer"
  expect_newest "$1" "s$number"
  held[$1]=s$number
}

# cut_while_sending GROUP MOMENT [SEED]: power goes after so many milliseconds, or when dr has said that it committed.
cut_while_sending() {
  local session answer=''
  rm -f answer
  mkfifo answer
  exec 3<> answer
  { send "$1" || true; } >&3 2> said &
  session=$!
  if [[ $2 == committed ]]; then
    read -r answer <&3
  else
    sleep "$(($2 / 1000)).$(printf %03d $(($2 % 1000)))"
  fi
  echo "s$number into $1, cut at $2${3:+, seed $3}: $(power_cut "${@:3}")"
  wait $session
  if [[ -z $answer ]]; then read -rt 0.1 answer <&3 || true; fi
  exec 3>&-
  power_on
  if [[ -n $answer ]]; then
    expect_same "committed $(uuid "vg/s$number")" "$answer" "the answer"
    expect_newest "$1" "s$number"
  else
    expect_newest "$1" "${held[$1]}" "s$number"
  fi
}

declare -A took=()
for group in one split; do
  next_snapshot
  began=$(milliseconds)
  send_whole $group
  took[$group]=$(($(milliseconds) - began))
done

for ((round = 0; round < 3; round++)); do
  next_snapshot
  cut_while_sending one $((took[one] * (RANDOM % 100) / 100))
  send_whole one
  cut_while_sending split $((took[split] * (RANDOM % 100) / 100)) "$RANDOM"
  send_whole split
done

next_snapshot
cut_while_sending one committed
send_whole one
cut_while_sending split committed "$RANDOM"
send_whole split
