#!/bin/bash
# lab: pair disks=96M:volatile,96M:volatile,16M,16M:volatile,96M,16M:volatile timeout=900 long
# Power of the receiving node is cut at random moments of a session, and right after it said `committed`. What the sender
# was told is there then, and is the source's content, bit for bit; the same change can be sent again. kill-points does it at named moments.
#
# In the group `one` the disk forgets all that was not flushed. In `split` it keeps, loses or tears each such write by seed;
# LVM's own metadata is on a disk that keeps everything, because LVM itself does not survive this: it never flushes between
# a new text and the header that points to it. In `apart` LVM's metadata is all that a power cut loses: what was said
# to be recorded or committed must not need it.
set -euo pipefail
. /lab/lib.sh

seed=${BSR_SEED:-$RANDOM}
echo "seed $seed"
RANDOM=$seed

milliseconds() { date +%s%3N; }

# next_snapshot: some more writes and discards, as vg/s$number.
number=0
next_snapshot() {
  local i
  number=$((number + 1))
  for ((i = 0; i < 6; i++)); do write_random vg/data $((RANDOM % 11776)) 512 "$RANDOM"; done
  discard vg/data $((RANDOM % 180 * 64)) 320
  snapshot vg/data "s$number"
}

# send: the newest change into the group, or the rest of it; the receiver's answer on stdout.
send() {
  local token what=(-i "vg/s$((number - 1))" "vg/s$number")
  token=$(ssh dr bsr-recv -t "$group/data")
  if [[ -n $token ]]; then
    echo "  continues" >&2
    what=(-t "$token")
  fi
  bsr-send "${what[@]}" | ssh -o ServerAliveInterval=5 -o ServerAliveCountMax=4 dr bsr-recv "$group/data"
}

# expect_newest SNAPSHOT...: the group's newest generation is one of these, whole.
expect_newest() {
  local tags content snapshot
  # shellcheck disable=SC2016
  on dr "generation=\$(newest_generation $group/data);" 'lvs --noheadings -o lv_tags "$generation"; sum "$generation"' > there
  { read -r tags && read -r content; } < there
  for snapshot; do
    [[ $tags == *"bsr.uuid=$(uuid "vg/$snapshot")"* ]] || continue
    expect_same "$(sum "vg/$snapshot")" "$content" "$snapshot"
    echo "  the newest is $snapshot"
    return
  done
  fail "the newest generation has $tags, and is none of: $*"
}

# send_whole: a session that nobody disturbs.
send_whole() {
  expect_same "committed $(uuid "vg/s$number")" "$(send)" "the answer"
  expect_newest "s$number"
}

# cut_while_sending MOMENT [SEED]: power goes after so many milliseconds, or when dr has said that it committed.
cut_while_sending() {
  local session answer=''
  rm -f answer
  mkfifo answer
  exec 3<> answer
  { send || true; } >&3 2> said &
  session=$!
  if [[ $1 == committed ]]; then
    read -r answer <&3
  else
    sleep "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))"
  fi
  echo "s$number into $group, cut at $1${2:+, seed $2}: $(power_cut "${@:2}")"
  power_on
  wait $session  # the booted node knows nothing of its connection, and says so
  if [[ -z $answer ]]; then read -rt 0.1 answer <&3 || true; fi
  exec 3>&-
  if [[ -n $answer ]]; then
    expect_same "committed $(uuid "vg/s$number")" "$answer" "the answer"
    expect_newest "s$number"
  else
    expect_newest "s$((number - 1))" "s$number"
  fi
}

# cut_when_recorded: the stream ends early, and power goes when dr has said where it can be continued.
cut_when_recorded() {
  { bsr-send -i "vg/s$((number - 1))" "vg/s$number" || true; } | head -c 1M |
    { on dr bsr-recv "$group/data" || true; } 2> said
  grep -q 'continue with' said || fail "no record: $(< said)"
  echo "s$number into $group, cut when recorded: $(power_cut)"
  power_on
  [[ -n $(ssh dr bsr-recv -t "$group/data") ]] || fail "the record is gone"
}

# cut_often [by-seed]: full stream, a change for its time, then changes that are cut and sent again.
cut_often() {
  local began took round rounds=(committed)
  for ((round = 0; round < ${BSR_ROUNDS:-1}; round++)); do rounds=(random "${rounds[@]}"); done
  bsr-send "vg/s$number" | ssh dr bsr-recv --pool "$group/pool" "$group/data"
  next_snapshot
  began=$(milliseconds)
  send_whole
  took=$(($(milliseconds) - began))
  for round in "${rounds[@]}"; do
    next_snapshot
    if [[ $round == random ]]; then round=$((took * (RANDOM % 100) / 100)); fi
    cut_while_sending "$round" ${1:+"$RANDOM"}
    send_whole
    # Both sides keep three.
    # shellcheck disable=SC2016
    on dr "generations $group/data | head -n -3 |" 'while read -r old; do lvremove -qq -y "$old"; done'
    if ((number > 3)); then lvremove -qq -y "vg/s$((number - 3))"; fi
  done
}

lab-wait-ssh dr
keep_records /dev/vdd
make_pool vg /dev/vda pool 64k -L 64M
thin_volume vg/pool data 12M
write_random vg/data 0 12288 1
snapshot vg/data s0

group='split'
on dr 'pvcreate -qq --metadatacopies 0 /dev/vdb && vgcreate -qq split /dev/vdb /dev/vdc'
on dr lvcreate -qq -y --type thin-pool -c 64k --poolmetadatasize 8M -L 64M -n pool split /dev/vdb
cut_often by-seed

group=one  # made only now: its metadata would not have survived the seeds
on dr make_pool one /dev/vda pool 64k -L 64M
cut_often

group=apart
on dr 'pvcreate -qq --metadatacopies 0 /dev/vde && vgcreate -qq apart /dev/vde /dev/vdf'
on dr lvcreate -qq -y --type thin-pool -c 64k --poolmetadatasize 8M -L 64M -n pool apart /dev/vde
on dr sync /dev/vdf
bsr-send "vg/s$number" | ssh dr bsr-recv --pool apart/pool apart/data
next_snapshot
cut_while_sending committed
next_snapshot
cut_when_recorded
send_whole
