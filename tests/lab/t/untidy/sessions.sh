# shellcheck shell=bash
# The sessions of the untidy administrator, and a whole history of them. Sourced behind steps.sh.
# shellcheck disable=SC2034,SC2153,SC2154,SC2004  # names of the model; subscripts of associative arrays

# send_options: at random, in OPTIONS with a space behind them.
send_options() {
  local option
  OPTIONS=''
  for option in --content-digest '--patch never' '--threads 0' '--delta-engine check' '--compress none'; do
    if chance 20; then OPTIONS+="$option "; fi
  done
}

# the_base: the name of the snapshot that the newest generation is of, or nothing.
the_base() { name_of "${GENERATION_UUID[$NEWEST]:-}"; }

# expectation BASE: must, or may where something moved, in MAY.
expectation() {
  MAY=may
  if left_alone && { [[ -z $1 ]] || stood_still "$1" "$NEWEST"; }; then MAY=must; fi
}

# ship_to_receiver NAME: a change, or everything the first time; whole, cut or killed, and what follows from that.
ship_to_receiver() {
  local base what to=$RECEIVER/copy
  base=$(the_base)
  NEXT=$1  # it may get another name before this ends
  expectation "$base"
  send_options
  if ((NEWEST == 0)); then
    what="$OPTIONS$SOURCE/$NEXT" to="--pool $RECEIVER/pool $RECEIVER/copy"
  elif [[ -z $base || $base == "$NEXT" ]]; then
    run_step "resync $SOURCE/$NEXT $to"
    if [[ $IN_THE_WAY ]]; then MAY=may; else MAY=must; fi
    judge "$NEXT" $MAY
    if ! committed; then follow_advice '' "$NEXT"; fi
    return
  else
    what="$OPTIONS-i $SOURCE/$base $SOURCE/$NEXT"
  fi
  roll 10
  case $R in
    0 | 1) ship_cut "$base" "$what" "$to" ;;
    2) ship_killed "$what" "$to" ;;
    *) run_step "session '$what' '$to'" ;;
  esac
  judge "$NEXT" $MAY
  if ! committed; then follow_advice "$(the_base)" "$NEXT"; fi
}

# ship_cut BASE WHAT TO: in the end a session that `judge` has not seen yet; MAY follows what happened in between.
ship_cut() {
  roll 98
  run_step "cut_session $R '$2' '$3'"
  judge "$NEXT" may
  if [[ $MAY == must && $RECV_STATUS != 11 ]]; then broken "a cut stream is not called that"; fi
  if [[ $RECV_STATUS != 11 ]]; then return; fi
  if [[ ! $(printed_command) ]]; then
    run_step "session '$2' '$3'"
    return
  fi
  PENDING=("${1:-none}" "$NEXT" "${VERSION[${1:-none}]:-}" "${VERSION[$NEXT]}")
  if chance 60; then tidy_step; fi
  if chance 40; then untidy_step; fi
  if ! left_alone || [[ ${CHANGED[$NEWEST]:-} || ${VERSION[${PENDING[0]}]:-} != "${PENDING[2]}" ||
    ${VERSION[${PENDING[1]}]} != "${PENDING[3]}" ]]; then MAY=may; fi
  run_step continue_as_printed
}

# ship_killed WHAT TO
ship_killed() {
  local percent
  roll 100 && percent=$R
  if chance 50; then
    run_step "killed_sender $((percent * 5)) '$1' '$2'"
  else
    run_step "killed_receiver $percent '$1' '$2'"
  fi
  judge "$NEXT" may
  if committed; then return; fi
  if [[ $(bsr-recv -t "$RECEIVER/copy") ]]; then
    run_step "session \"-t \$(bsr-recv -t $RECEIVER/copy)\" $RECEIVER/copy"
  else
    run_step "session '$1' '$2'"
  fi
}

# send_again: what the receiver has.
send_again() {
  local name number
  shipped_name || return 0
  name=$CHOSEN number=$(generation_of "$CHOSEN") MAY=may
  [[ $number ]] || return 0
  if left_alone && stood_still "$name" "$number"; then MAY=must; fi
  off_while_sent "$name" "session $SOURCE/$name $RECEIVER/copy"
  judge "$name" $MAY
  if ! committed; then follow_advice '' "$name"; fi
}

# off_while_sent NAME STEP: the volume itself is switched off first.
off_while_sent() {
  if [[ $1 == "$VOLUME" ]]; then run_step "lvchange -qq -an $SOURCE/$1"; fi
  run_step "$2"
  if [[ $1 == "$VOLUME" ]]; then run_step "lvchange -qq -ay $SOURCE/$1"; fi
}

# ship_volume: a machine is switched off, and its volume itself sent.
ship_volume() {
  local base
  base=$(the_base)
  expectation "$base"
  if [[ -z $base || $base == "$VOLUME" ]]; then send_again && return; fi
  off_while_sent "$VOLUME" "session '-i $SOURCE/$base $SOURCE/$VOLUME' $RECEIVER/copy"
  judge "$VOLUME" $MAY
  if ! committed; then follow_advice "$base" "$VOLUME"; fi
}

# roll_back NAME: from an older generation on.
roll_back() {
  local number base to=$RECEIVER/copy
  one_of "${!GENERATION_THIN[@]}" && number=$CHOSEN
  base=$(name_of "${GENERATION_UUID[$number]}")
  if [[ -z $base || $base == "$1" || $number == "$NEWEST" || $number != "$(generation_of "$base")" ]]; then
    ship_to_receiver "$1" && return
  fi
  if chance 30; then
    run_step "session '-i $SOURCE/$base $SOURCE/$1' $to"
    judge "$1" refuse
    refused_properly
  fi
  MAY=may
  if [[ -z $IN_THE_WAY ]] && stood_still "$base" "$number"; then MAY=must; fi
  run_step "session '-i $SOURCE/$base $SOURCE/$1' '--rollback $to'"
  judge "$1" $MAY
  if ! committed; then follow_advice '' "$1"; fi
}

# begin: two pools, a volume with something in it.
begin() {
  forget
  rm -rf /var/lib/bsr
  : > history
  LAST_SNAPSHOT=0 LAST_NAME=0 NEXT=''
  local zero
  one_of 64 192 256 448 && SOURCE_CHUNK=$((CHOSEN * 1024))
  one_of 64 192 256 448 && RECEIVER_CHUNK=$((CHOSEN * 1024))
  one_of 512k 1M && run_step "vgcreate -qq -s $CHOSEN src /dev/vda"
  # What is not zeroed there is not zero.
  run_step "lab-io random /dev/vdb 0 $((220 << 20)) 77 && lab-io zero /dev/vdb 0 1048576"
  one_of 512k 1M && run_step "vgcreate -qq -s $CHOSEN dst /dev/vdb"
  one_of ' -Zn' '' && zero=$CHOSEN
  one_of passdown nopassdown && run_step "make_pool src - pool $((SOURCE_CHUNK / 1024))k -L 200M$zero --discards $CHOSEN"
  one_of ' -Zn' '' && UNZEROED=$CHOSEN
  one_of passdown nopassdown ignore
  run_step "make_pool dst - pool $((RECEIVER_CHUNK / 1024))k -L 200M$UNZEROED --discards $CHOSEN"
  roll 7 && run_step "thin_volume src/pool vol $((R + 5))M"
  FILES[vol]=''
  if chance 50; then
    run_step "make_file_system src/vol"
    FILES[vol]=1
  fi
  look_at_source
  change_volume
  change_volume
}

end() {
  vgchange -qq -an "$SOURCE" "$RECEIVER"
  blkdiscard /dev/vda && blkdiscard /dev/vdb
}

one_history() {
  local round
  RANDOM=$SEED
  begin
  if chance 20; then
    TIDY=("${SOURCE_TIDY[@]}") UNTIDY=("${SOURCE_UNTIDY[@]}")
    plain_history
    end
    return
  fi
  TIDY=("${SOURCE_TIDY[@]}" "${RECEIVER_TIDY[@]}") UNTIDY=("${SOURCE_UNTIDY[@]}" "${RECEIVER_UNTIDY[@]}")
  for ((round = 0; round < 4; round++)); do
    if chance 70; then change_volume; fi
    if chance 60; then tidy_step; fi
    if chance 45; then untidy_step; fi
    roll 10
    case $((NEWEST ? R : 9)) in
      0 | 1) send_again ;;
      2) ship_volume ;;
      3) take_next && roll_back "$TAKEN" ;;
      *) take_next && ship_to_receiver "$TAKEN" ;;
    esac
  done
  end
}
