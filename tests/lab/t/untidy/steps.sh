# shellcheck shell=bash
# What the untidy administrator does between two sessions, at random. Sourced behind model.sh.
# shellcheck disable=SC2034,SC2153,SC2004  # names of the model; subscripts of associative arrays

# roll N: R is a number below N. Never in a subshell, or the next roll is the same.
roll() { R=$(((RANDOM << 15 | RANDOM) % $1)); }
chance() { roll 100 && ((R < $1)); } # PERCENT
one_of() {
  roll $# && R=$((R + 1))
  CHOSEN=${!R}
}

# ---- writes ----------------------------------------------------------------------------------
# scribble PATH BYTES CHUNK FROM [opened]: one change behind FROM.
scribble() {
  local path=$1 bytes=$2 chunk=$3 from=$4 first last verb
  first=$(((from + chunk - 1) / chunk)) last=$((bytes / chunk))
  one_of tail small small medium medium chunks discard discard_chunks zero rewrite again again
  # In the place of an earlier write the pool has no reason to map anything anew.
  if [[ $CHOSEN == again ]] && ((${#PLACES[@]} == 0)); then CHOSEN=small; fi
  case $CHOSEN in
    again)
      one_of "${PLACES[@]}" && O=$CHOSEN L=512
      if ((O < from || O + L > bytes)); then O=$from; fi
      roll 999 && verb="write_bytes $O $L $R"
      ;;
    tail) place 512 8192 "$((bytes - 20000))" "$bytes" && roll 999 && verb="write_bytes $O $L $R" ;;
    small) place 512 8192 "$from" "$bytes" && roll 999 && verb="write_bytes $O $L $R" ;;
    medium) place 512 400000 "$from" "$bytes" && roll 999 && verb="write_bytes $O $L $R" ;;
    chunks) place "$chunk" $((3 * chunk)) $((first * chunk)) $((last * chunk)) && roll 999 && verb="write_bytes $O $L $R" ;;
    discard) place 4096 1000000 "$from" "$bytes" && verb="discard_bytes $O $L" ;;
    discard_chunks) place "$chunk" $((4 * chunk)) $((first * chunk)) $((last * chunk)) && verb="discard_bytes $O $L" ;;
    zero) place 512 300000 "$from" "$bytes" && verb="zero_bytes $O $L" ;;
    rewrite) place 512 100000 "$from" "$bytes" && verb="rewrite_bytes $O $L" ;;
  esac
  if [[ $verb == write* ]]; then PLACES+=("$O"); fi
  change "$path" "$verb" "${5:-}"
}

# place UNIT LENGTH FROM TO: O and L, multiples of UNIT, at most LENGTH.
place() {
  local units=$((($4 - $3) / $1))
  roll $((units < $2 / $1 ? units : $2 / $1)) && L=$(((R + 1) * $1))
  roll $((units - L / $1 + 1)) && O=$(($3 / $1 * $1 + R * $1))
  if ((O < $3)); then O=$((O + $1)); fi
  if ((O + L > $4)); then O=$((O - $1)); fi
}

# change PATH 'VERB ARG...' [opened]
change() {
  if [[ $3 ]]; then run_step "opened $1 $2"; else run_step "${2%% *} $1 ${2#* }"; fi
}

# change_files PATH [opened]
change_files() {
  local how='' word
  for word in discard trim crash; do
    if chance 40; then how+=" $word"; fi
  done
  roll 9999
  change "$1" "use_files $R$how" "${2:-}"
}

# behind_files NAME: where raw writes may go.
behind_files() { if [[ ${FILES[$1]:-} ]]; then echo $((4 << 20)); else echo 0; fi; }

change_volume() {
  local times
  roll 3 && times=$((R + 1))
  for (( ; times; times--)); do
    if [[ ${FILES[$VOLUME]} ]] && chance 50; then
      change_files "$SOURCE/$VOLUME"
    else
      scribble "$SOURCE/$VOLUME" "${BYTES[$VOLUME]}" "$SOURCE_CHUNK" "$(behind_files "$VOLUME")"
    fi
  done
  moved "$VOLUME"
}

# change_snapshot NAME: in place. A look into it is enough where a journal is to be replayed.
change_snapshot() {
  local path=$SOURCE/$1
  if [[ $1 == "$VOLUME" ]]; then change_volume && return; fi
  if [[ ${READ_ONLY[$1]:-} ]]; then run_step "lvchange -qq -prw $path"; fi
  roll 3
  if [[ ${FILES[$1]:-} ]] && ((R == 0)); then
    run_step "opened $path look_into"
  elif [[ ${FILES[$1]:-} ]] && ((R == 1)); then
    change_files "$path" opened
  else
    scribble "$path" "${BYTES[$1]}" "$SOURCE_CHUNK" "$(behind_files "$1")" opened
  fi
  if [[ ${READ_ONLY[$1]:-} ]]; then run_step "lvchange -qq -pr $path"; fi
  moved "$1"
}

# trim_both NAME: files were removed in the volume, and a look into the shipped snapshot trims these too: neither maps
# anything there any more.
trim_both() {
  local from end bytes=${BYTES[$1]} path=$SOURCE/$1
  if [[ $1 == "$VOLUME" ]]; then change_volume && return; fi
  from=$(behind_files "$VOLUME") end=${BYTES[$VOLUME]}
  if ((bytes < end)); then end=$bytes; fi
  from=$(((from + SOURCE_CHUNK - 1) / SOURCE_CHUNK * SOURCE_CHUNK))
  place "$SOURCE_CHUNK" $((4 * SOURCE_CHUNK)) "$from" $((end / SOURCE_CHUNK * SOURCE_CHUNK))
  run_step "discard_bytes $SOURCE/$VOLUME $O $L"
  if [[ ${READ_ONLY[$1]:-} ]]; then run_step "lvchange -qq -prw $path"; fi
  run_step "opened $path discard_bytes $O $L"
  if [[ ${READ_ONLY[$1]:-} ]]; then run_step "lvchange -qq -pr $path"; fi
  moved "$1"
  moved "$VOLUME"
}

# ---- snapshots -------------------------------------------------------------------------------
# take_snapshot OF: its name is in TAKEN.
take_snapshot() {
  local permission=''
  TAKEN=s$((++LAST_SNAPSHOT))
  if chance 50; then permission=' -pr'; fi
  run_step "lvcreate -qq -y -s$permission -n $TAKEN $SOURCE/$1"
  SNAPSHOTS+=("$TAKEN")
  VERSION[$TAKEN]=0 READ_ONLY[$TAKEN]=$permission FILES[$TAKEN]=${FILES[$1]:-}
  look_at_source
  # Before it is shipped it may be written to, and stands still from then on.
  if chance 20; then change_snapshot "$TAKEN"; fi
  if chance 20; then run_step "lvchange -qq -K -ay $SOURCE/$TAKEN"; fi
}

# take_next: what is to be shipped, mostly a snapshot of the volume; often one of a base that was changed.
take_next() {
  local name
  name=$(name_of "${GENERATION_UUID[$NEWEST]:-}")
  if [[ $name && $name != "$VOLUME" && ${VERSION[$name]} != "${GENERATION_VERSION[$NEWEST]}" ]] && chance 40; then
    take_snapshot "$name" && return
  fi
  roll 10
  if ((R == 0 && ${#SNAPSHOTS[@]})); then
    one_of "${SNAPSHOTS[@]}" && name=$CHOSEN
    if chance 40; then change_snapshot "$name"; fi
    take_snapshot "$name"
  else
    take_snapshot "$VOLUME"
  fi
}

remove_snapshot() {
  local name
  one_of "${SNAPSHOTS[@]}" && name=$CHOSEN
  if [[ $name == "$(name_of "${GENERATION_UUID[$NEWEST]:-}")" || " ${PENDING[*]} " == *" $name "* ]]; then return; fi
  run_step "lvremove -qq -y $SOURCE/$name"
  drop_name "$name"
}

drop_name() {
  local name kept=()
  for name in "${SNAPSHOTS[@]}"; do
    if [[ $name != "$1" ]]; then kept+=("$name"); fi
  done
  SNAPSHOTS=(${kept[@]+"${kept[@]}"})
  unset "VERSION[$1]" "UUID[$1]" "THIN[$1]" "BYTES[$1]" "READ_ONLY[$1]" "FILES[$1]"
}

# merge_into NAME: a snapshot of it was worked with, and takes its place, under the UUID that it had.
merge_into() {
  run_step "lvcreate -qq -y -s -n work $SOURCE/$1"
  if chance 70; then scribble "$SOURCE/work" "${BYTES[$1]}" "$SOURCE_CHUNK" "$(behind_files "$1")" opened; fi
  if [[ ${READ_ONLY[$1]:-} ]]; then run_step "lvchange -qq -prw $SOURCE/$1"; fi
  run_step "lvchange -qq -an $SOURCE/$1 && lvconvert -qq -y --merge $SOURCE/work > merged"
  if [[ $1 == "$VOLUME" ]]; then run_step "lvchange -qq -ay $SOURCE/$1"; fi
  if [[ ${READ_ONLY[$1]:-} ]]; then run_step "lvchange -qq -pr $SOURCE/$1"; fi
  moved "$1"
  look_at_source
}

# rename_snapshot NAME
rename_snapshot() {
  local new=n$((++LAST_NAME)) index
  run_step "lvrename -qq $SOURCE $1 $new"
  VERSION[$new]=${VERSION[$1]} READ_ONLY[$new]=${READ_ONLY[$1]:-} FILES[$new]=${FILES[$1]:-}
  for index in "${!PENDING[@]}"; do
    if [[ ${PENDING[index]} == "$1" ]]; then PENDING[index]=$new; fi
  done
  if [[ $NEXT == "$1" ]]; then NEXT=$new; fi
  if [[ $VOLUME == "$1" ]]; then VOLUME=$new; else SNAPSHOTS+=("$new"); fi
  drop_name "$1"
  look_at_source
}

# flip NAME: its permission, and back if it was writable; nothing is written.
flip() {
  if [[ ${READ_ONLY[$1]:-} ]]; then
    run_step "lvchange -qq -prw $SOURCE/$1"
    if chance 50; then READ_ONLY[$1]='' && return; fi
    run_step "lvchange -qq -pr $SOURCE/$1"
  else
    run_step "lvchange -qq -pr $SOURCE/$1"
    READ_ONLY[$1]=1
  fi
}

resize_volume() {
  local mib=$((BYTES[$VOLUME] >> 20)) way
  one_of grow shrink both && way=$CHOSEN
  roll 4
  if [[ $way != grow ]] && ((mib > 5)); then
    run_step "lvreduce -qq -f -y -L $((mib - R > 5 ? mib - R : 5))M $SOURCE/$VOLUME 2> /dev/null || true"
  fi
  if [[ $way != shrink ]]; then run_step "lvextend -qq -L $((mib + R < 12 ? mib + R : 12))M $SOURCE/$VOLUME 2> /dev/null || true"; fi
  moved "$VOLUME"
  look_at_source
}

# ---- the receiver ----------------------------------------------------------------------------
generation_path() { echo "\"\$(generation $RECEIVER/copy $1)\""; }

# change_generation NUMBER: in place, or by the merge of a drill.
change_generation() {
  local path
  path=$(generation_path "$1")
  run_step "lvchange -qq -prw $path"
  if [[ ! $IN_THE_WAY ]] && chance 30; then
    run_step "lvcreate -qq -y -s -n drill $path"
    scribble "$RECEIVER/drill" "${GENERATION_BYTES[$1]}" "$RECEIVER_CHUNK" 0 opened
    run_step "lvconvert -qq -y --merge $RECEIVER/drill > merged"
  else
    scribble "$path" "${GENERATION_BYTES[$1]}" "$RECEIVER_CHUNK" 0 opened
  fi
  if chance 80; then run_step "lvchange -qq -pr $path"; fi
  CHANGED[$1]=1
  look_at_receiver
  GENERATION_SUM[$1]=$(content_of_generation "$1")
}

change_copy() {
  local path=$RECEIVER/copy.bsr-recv
  [[ $COPY_THERE ]] || return 0
  one_of write write write remove grow
  case $CHOSEN in
    write) scribble "$path" "${GENERATION_BYTES[$NEWEST]}" "$RECEIVER_CHUNK" 0 opened ;;
    remove) run_step "lvremove -qq -y $path" ;;
    grow) run_step "lvextend -qq -L +2M $path" ;;
  esac
  COPY_CHANGED=1
}

# flip_generation NUMBER: made writable and read-only again.
flip_generation() { run_step "lvchange -qq -prw $(generation_path "$1") && lvchange -qq -pr $(generation_path "$1")"; }

drill() {
  local name=drill$((++LAST_NAME))
  if [[ $IN_THE_WAY ]]; then return; fi
  run_step "lvcreate -qq -y -s -n $name $(generation_path "$1")"
  scribble "$RECEIVER/$name" "${GENERATION_BYTES[$1]}" "$RECEIVER_CHUNK" 0 opened
  if chance 50; then run_step "lvremove -qq -y $RECEIVER/$name"; fi
}

prune() {
  one_of "${!GENERATION_THIN[@]}"
  if ((CHOSEN == NEWEST)); then return; fi
  run_step "lvremove -qq -y $(generation_path "$CHOSEN")"
  look_at_receiver
}

# ---- one at random ---------------------------------------------------------------------------
shipped_name() { # a name in CHOSEN that the receiver has, or none; mostly the base of the next change
  CHOSEN=$(name_of "${GENERATION_UUID[$NEWEST]:-}")
  if chance 20 && ((${#SNAPSHOTS[@]})); then one_of "${SNAPSHOTS[@]}"; fi
  [[ $CHOSEN ]]
}

SOURCE_TIDY=(flip rename rename_volume rename_source rebuild remove activate)
RECEIVER_TIDY=(rename_receiver rebuild_receiver orphan drill flip_generation prune rename_generation)
SOURCE_UNTIDY=(base base trim_both trim_both merge)
RECEIVER_UNTIDY=(generation older copy copy orphan resize)

# tidy_step: leaves everything that matters as it stands.
tidy_step() {
  one_of "${TIDY[@]}"
  case $CHOSEN in
    flip) if shipped_name && [[ $CHOSEN != "$VOLUME" ]]; then flip "$CHOSEN"; fi ;;
    rename) if shipped_name; then rename_snapshot "$CHOSEN"; fi ;;
    rename_volume) rename_snapshot "$VOLUME" ;;
    rename_source)
      one_of src origin primary && if [[ $CHOSEN != "$SOURCE" ]]; then
        run_step "rename_side $SOURCE $CHOSEN"
        SOURCE=$CHOSEN
      fi
      ;;
    rename_receiver)
      one_of dst standby
      if [[ $CHOSEN != "$RECEIVER" && ${#PENDING[@]} == 0 ]]; then
        run_step "rename_side $RECEIVER $CHOSEN"
        RECEIVER=$CHOSEN
      fi
      ;;
    rebuild) run_step "rebuild_pool $SOURCE" ;;
    rebuild_receiver) run_step "rebuild_pool $RECEIVER" ;;
    orphan) one_of "$SOURCE" "$RECEIVER" && roll 999 && run_step "orphan $CHOSEN 4194304 $R $((1000 + ++LAST_NAME))" ;;
    drill) if ((NEWEST)); then drill "$NEWEST"; fi ;;
    flip_generation) if ((NEWEST)); then flip_generation "$NEWEST"; fi ;;
    prune) if ((NEWEST)); then prune; fi ;;
    remove) if ((${#SNAPSHOTS[@]} > 2)); then remove_snapshot; fi ;;
    rename_generation)
      if ((NEWEST)); then run_step "lvrename -qq $RECEIVER $(generation_path "$NEWEST") kept$((++LAST_NAME))"; fi
      ;;
    activate) if shipped_name; then run_step "lvchange -qq -K -ay $SOURCE/$CHOSEN"; fi ;;
  esac
}

# untidy_step: something does not stand still.
untidy_step() {
  one_of "${UNTIDY[@]}"
  case $CHOSEN in
    base) if shipped_name; then change_snapshot "$CHOSEN"; fi ;;
    trim_both) if shipped_name; then trim_both "$CHOSEN"; fi ;;
    merge) if shipped_name; then merge_into "$CHOSEN"; fi ;;
    resize) resize_volume ;;
    generation) if ((NEWEST)); then change_generation "$NEWEST"; fi ;;
    older) if ((NEWEST)); then one_of "${!GENERATION_THIN[@]}" && change_generation "$CHOSEN"; fi ;;
    copy) if ((NEWEST)); then change_copy; fi ;;
    orphan)
      if [[ $IN_THE_WAY ]]; then return; fi
      roll 999
      run_step "orphan $RECEIVER 4194304 $R 1"
      IN_THE_WAY=$ORPHAN
      ;;
  esac
}
