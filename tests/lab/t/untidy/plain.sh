# shellcheck shell=bash
# Histories with a plain target: a volume of the receiver's pool, or a linear device above one, as a partition is. In the
# model it is generation 0. Sourced behind sessions.sh.
# shellcheck disable=SC2034,SC2004,SC2153,SC2154  # names of the model

# judge_plain SNAPSHOT must|may
judge_plain() {
  local expected actual
  if ! committed; then
    [[ $RECV_STATUS != 0 ]] || broken "neither committed nor refused"
    [[ $2 != must ]] || broken "refused, though everything stood still"
    return
  fi
  [[ $RECV_STATUS == 0 && $ANSWER == "committed ${UUID[$1]}" ]] || broken "committed something else than $1"
  expected=$(content "$SOURCE" "${THIN[$1]}" "${BYTES[$1]}")
  actual=$(sum "$PLAIN")
  [[ $expected == "$actual" ]] || broken "committed, and the target differs from $1"
  GENERATION_UUID[0]=${UUID[$1]} GENERATION_VERSION[0]=${VERSION[$1]} PENDING=()
}

# ship_plain NAME
ship_plain() {
  local base
  base=$(the_base)
  NEXT=$1 MAY=must
  send_options
  # Nobody above sees what a pool below that does not zero shows around a write. The message says how it learns to.
  if [[ $UNZEROED && $PLAIN == /dev/mapper/* ]]; then
    run_step "session '$OPTIONS$SOURCE/$1' $PLAIN"
    judge_plain "$1" may
    [[ $RECV_STATUS == 20 ]] || broken "a device above an unzeroed pool is not refused"
    run_step "lvchange -qq -Zy $RECEIVER/pool"
    UNZEROED=''
  fi
  if [[ -z $base || $base == "$1" ]]; then
    plain_session "$OPTIONS$SOURCE/$1" "$PLAIN"
  else
    if ! stood_still "$base" 0; then MAY=may; fi
    plain_session "$OPTIONS-i $SOURCE/$base $SOURCE/$1" "--base ${UUID[$base]} $PLAIN" "$base"
  fi
  judge_plain "$NEXT" $MAY
  if committed; then return; fi
  refused_properly
  run_step "bsr-recv -A $PLAIN"
  run_step "session $SOURCE/$NEXT $PLAIN"
  judge_plain "$NEXT" must
}

# plain_session WHAT TO [BASE]: whole, or cut and continued with something in between.
plain_session() {
  local moved_before="${VERSION[${3:-none}]:-} ${VERSION[$NEXT]}"
  if ! chance 35; then run_step "session '$1' '$2'" && return; fi
  roll 98
  run_step "cut_session $R '$1' '$2'"
  judge_plain "$NEXT" may
  if [[ $RECV_STATUS != 11 ]]; then
    if [[ $MAY == must ]]; then broken "a cut stream is not called that"; fi
    return
  fi
  if [[ ! $(printed_command) ]]; then
    run_step "session $SOURCE/$NEXT $PLAIN"
    return
  fi
  PENDING=("${3:-none}" "$NEXT")
  if chance 50; then tidy_step; fi
  if chance 30; then untidy_step; fi
  if [[ "${VERSION[${PENDING[0]}]:-} ${VERSION[${PENDING[1]}]}" != "$moved_before" ]]; then MAY=may; fi
  # For a change the caller vouches for all that it does not touch (--base): only a full stream answers for the whole.
  if [[ ! ${3:-} ]] && chance 30; then
    roll 999
    run_step "write_bytes ${PLAIN#/dev/} $((512 * R)) 512 $R"
    MAY=may
  fi
  run_step continue_as_printed
}

plain_history() {
  local round
  run_step "thin_volume dst/pool plain ${BYTES[$VOLUME]}b"
  PLAIN=/dev/dst/plain
  if chance 50; then
    PLAIN=/dev/mapper/partition
    run_step "dmsetup create partition --table \"0 $((BYTES[$VOLUME] / 512)) linear /dev/dst/plain 0\""
  fi
  for ((round = 0; round < 4; round++)); do
    if chance 70; then change_volume; fi
    if chance 50; then tidy_step; fi
    if chance 35; then untidy_step; fi
    take_next
    ship_plain "$TAKEN"
  done
  if [[ $PLAIN != /dev/dst/plain ]]; then dmsetup remove partition; fi
}
