# shellcheck shell=bash
# What the untidy administrator knows: which volumes stood still since they were shipped, and whether the receiver was
# left alone. From that follows what a session may do, and `judge` holds it to that. Sourced behind verbs.sh.
# shellcheck disable=SC2034  # what is set here is used in the files that are sourced behind this one

# run_step COMMAND: a step of the history, noted and done. A quotation in it is evaluated here.
run_step() {
  echo "$1" >> history
  eval "$1"
}

# broken WHAT: ends the test.
broken() {
  echo "sender $SEND_STATUS, receiver $RECV_STATUS, answer '$ANSWER', said: $SAID" >&2
  fail "seed $SEED: $1"
}

# show_history: the steps so far, as a test that repeats them.
show_history() {
  local status=$?
  if ((status == 0)) && [[ -e $FAILED_INSIDE ]]; then status=1; fi
  if ((status)); then
    echo "== seed $SEED; repeat with BSR_SEED=$SEED BSR_ROUNDS=1, or this with the same files= beside it:"
    echo '#!/bin/bash'
    sed -n '/^# lab:/p' "$0"
    echo 'set -euo pipefail; . /lab/lib.sh; . /lab/test/verbs.sh'
    cat history
  fi >&2
  exit "$status"
}
trap show_history EXIT

# ---- what is there ---------------------------------------------------------------------------
# Of a volume of the source, by name: VERSION counts all that may have changed its content or its mappings.
declare -A VERSION=() UUID=() THIN=() BYTES=() READ_ONLY=() FILES=()
# Of a generation, by number: the snapshot, and its version when it was shipped. GENERATION_SUM follows what somebody
# does to it.
declare -A GENERATION_UUID=() GENERATION_VERSION=() GENERATION_SUM=() GENERATION_BYTES=() GENERATION_THIN=() CHANGED=()

forget() {
  VERSION=() UUID=() THIN=() BYTES=() READ_ONLY=() FILES=()
  GENERATION_UUID=() GENERATION_VERSION=() GENERATION_SUM=() GENERATION_BYTES=() GENERATION_THIN=() CHANGED=()
  SOURCE=src RECEIVER=dst VOLUME=vol NEWEST=0
  SNAPSHOTS=() PLACES=()  # oldest first; where something was written
  COPY_CHANGED=''   # somebody wrote to the working copy, or removed it
  COPY_THERE='' IN_THE_WAY=''  # the number of an orphan, that of the receiver's next volume
  PENDING=()        # base, snapshot, their versions: of a transfer that was cut
  SEND_STATUS='' RECV_STATUS='' ANSWER='' SAID=''
}

look_at_source() {
  local name uuid thin bytes
  while read -r name uuid thin bytes; do
    [[ $bytes ]] || continue  # the pool
    UUID[$name]=$uuid THIN[$name]=$thin BYTES[$name]=$bytes
  done < <(lvs --noheadings --nosuffix --units b -o lv_name,lv_uuid,thin_id,lv_size "$SOURCE")
}

# look_at_receiver: sets LATEST, the number of the newest generation there is, and what they are, COPY_THERE, and ADOPTED: LVM uses
# the orphan.
look_at_receiver() {
  local name thin bytes tags number
  LATEST=0 COPY_THERE='' ADOPTED=''
  GENERATION_THIN=()
  while read -r name thin bytes tags; do
    if [[ $name == copy.bsr-recv ]]; then COPY_THERE=1; fi
    if [[ $thin == "$IN_THE_WAY" ]]; then ADOPTED=1; fi
    [[ $tags =~ bsr\.number=([0-9]+) ]] || continue
    number=${BASH_REMATCH[1]}
    [[ $tags =~ bsr\.uuid=([^,]+) ]]
    GENERATION_UUID[$number]=${BASH_REMATCH[1]} GENERATION_THIN[$number]=$thin GENERATION_BYTES[$number]=$bytes
    if ((number > LATEST)); then LATEST=$number; fi
  done < <(lvs --noheadings --nosuffix --units b -o lv_name,thin_id,lv_size,lv_tags -S 'thin_id>0' "$RECEIVER")
}

# content SIDE THIN_ID BYTES: a sum past LVM, whose commands take longer than all the rest.
content() {
  dmsetup create -r looked-at --table "0 $(($3 / 512)) thin /dev/mapper/$(pool_device "$1/pool") $2"
  dd if=/dev/mapper/looked-at bs=1M iflag=direct status=none | xxhsum -H2 | cut -d' ' -f1
  dmsetup remove looked-at
}
content_of_generation() { content "$RECEIVER" "${GENERATION_THIN[$1]}" "${GENERATION_BYTES[$1]}"; }

# name_of UUID: the source's name of it, or nothing when it is gone.
name_of() {
  local name
  for name in "${!UUID[@]}"; do
    if [[ ${UUID[$name]} == "$1" ]]; then echo "$name"; fi
  done
}

# generation_of NAME: the number of its newest generation, or nothing.
generation_of() {
  local number found=''
  for number in "${!GENERATION_THIN[@]}"; do
    if [[ ${GENERATION_UUID[$number]} == "${UUID[$1]}" ]] && ((number > ${found:-0})); then found=$number; fi
  done
  echo "$found"
}

moved() { VERSION[$1]=$((${VERSION[$1]:-0} + 1)); } # NAME

# stood_still NAME NUMBER: the source's volume and its generation, since that was committed.
stood_still() { [[ ${VERSION[$1]} == "${GENERATION_VERSION[$2]:-}" && -z ${CHANGED[$2]:-} ]]; }

left_alone() { [[ -z $COPY_CHANGED$IN_THE_WAY ]]; }

# ---- what a session did ----------------------------------------------------------------------
# judge SNAPSHOT must|may|refuse: after a session that was to ship it. `must`: all that it stands on stood still.
judge() {
  local number expected actual
  look_at_receiver
  if [[ $ANSWER == 'committed '* ]]; then
    [[ $RECV_STATUS == 0 ]] || broken "committed, and status $RECV_STATUS"
    [[ $ANSWER == "committed ${UUID[$1]}" ]] || broken "committed another snapshot than $1, ${UUID[$1]}"
    [[ $2 != refuse ]] || broken "took a stream that cannot apply"
  elif ((LATEST == NEWEST)); then
    [[ $RECV_STATUS != 0 ]] || broken "neither committed nor refused"
    if ((NEWEST)); then
      expected=${GENERATION_SUM[$NEWEST]}
      actual=$(content_of_generation "$NEWEST")
      [[ $expected == "$actual" ]] || broken "a refused session changed the newest generation"
    fi
    [[ $2 != must ]] || broken "refused, though everything stood still"
    return
  fi
  # By a commit, or an acknowledgement that a killed receiver no longer gave.
  number=$(generation_of "$1")
  [[ $number ]] || broken "no generation of $1"
  expected=$(content "$SOURCE" "${THIN[$1]}" "${BYTES[$1]}")
  actual=$(content "$RECEIVER" "${GENERATION_THIN[$number]}" "${BYTES[$1]}")
  [[ $expected == "$actual" ]] || broken "committed, and generation $number differs from $1"
  ((LATEST > NEWEST)) || return 0
  NEWEST=$LATEST COPY_CHANGED='' PENDING=()
  if [[ $ADOPTED ]]; then IN_THE_WAY=''; fi
  GENERATION_SUM[$NEWEST]=$(content_of_generation "$NEWEST") GENERATION_VERSION[$NEWEST]=${VERSION[$1]} CHANGED[$NEWEST]=''
}

committed() { [[ $ANSWER == 'committed '* ]]; }

# refused_properly: by one side, with a code that says what it is about.
refused_properly() {
  case $SEND_STATUS in 13 | 14 | 18) return ;; esac
  case $RECV_STATUS in
    13 | 14 | 18) ;;
    1) [[ $IN_THE_WAY ]] || broken "refused with a code that says nothing" ;;
    *) broken "refused with a code that is not about what happened" ;;
  esac
}

# follow_advice BASE SNAPSHOT: after a refusal that was right. What the message names must work, in the end a resync.
follow_advice() {
  local target=$RECEIVER/copy said=$SAID
  refused_properly
  if [[ $IN_THE_WAY ]]; then
    run_step "remove_orphan $RECEIVER $IN_THE_WAY"
    IN_THE_WAY=''
  fi
  if [[ $said == *--rollback* && $1 ]]; then
    local may=may number
    number=$(generation_of "$1")
    if [[ $number ]] && stood_still "$1" "$number" && ((${#PENDING[@]} == 0)); then may=must; fi
    run_step "session '-i $SOURCE/$1 $SOURCE/$2' '--rollback $target'"
    judge "$2" $may
    if committed; then return; fi
    refused_properly
  fi
  run_step "bsr-recv -A $target"
  PENDING=()
  if ((NEWEST == 0)); then
    run_step "session $SOURCE/$2 '--pool $RECEIVER/pool $target'"
  else
    run_step "resync $SOURCE/$2 $target"
  fi
  judge "$2" must
}
