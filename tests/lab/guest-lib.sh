# shellcheck shell=bash
# Verbs for tests in the virtual machine lab. A test begins with
#   set -euo pipefail
#   . /lab/lib.sh
# and then fails at the first command that fails, naming its line. VOLUME is VG/LV or a path,
# POOL is VG/LV.

# ---- failing ---------------------------------------------------------------------------------
# where: the calls in the test that led here, innermost first, as file:line.
where() {
  local frame
  for ((frame = 2; frame < ${#BASH_SOURCE[@]}; frame++)); do
    [[ ${BASH_SOURCE[frame]} != /lab/lib.sh ]] || continue
    printf '%s:%s ' "${BASH_SOURCE[frame]#/lab/test/}" "${BASH_LINENO[frame - 1]}"
  done
}

# In a "$(command)" among arguments a failure is otherwise lost: it is remembered until the end.
report_failed_command() {
  local status=$? command=$BASH_COMMAND
  echo "$(where)status $status: $command" >&2
  if ((BASHPID != $$)); then touch "$FAILED_INSIDE"; fi
}

check_failed_inside() {
  local status=$?
  if ((status == 0)) && [[ -e $FAILED_INSIDE ]]; then
    echo "FAILED: a command inside an argument, see above" >&2
    status=1
  fi
  exit "$status"
}
set -E
shopt -s inherit_errexit
FAILED_INSIDE=/run/lab-failed-inside.$$
trap report_failed_command ERR
trap check_failed_inside EXIT

# fail MESSAGE: ends the test.
fail() {
  echo "$(where)FAILED: $*" >&2
  trap - ERR
  exit 1
}

# expect_rc CODE COMMAND [ARG...]: the command must end with this status. What it prints, on
# both outputs, is in $OUTPUT, and shown when the status is another.
OUTPUT=''
expect_rc() {
  local expected=$1 status=0
  shift
  "$@" > /run/lab-output 2>&1 || status=$?
  OUTPUT=$(< /run/lab-output)
  ((status == expected)) && return
  printf '%s\n' "$OUTPUT" >&2
  fail "status $status instead of $expected: $*"
}

# expect_same EXPECTED ACTUAL WHAT
expect_same() {
  [[ $1 == "$2" ]] || fail "$3: expected $1, got $2"
}

# ---- making volumes --------------------------------------------------------------------------
# make_pool VG DISK POOL CHUNK [LVCREATE_ARG...]: a thin pool with blocks of CHUNK (64k) on DISK;
# the volume group is made when it does not exist. Size: most of the group, unless given.
make_pool() {
  local group=$1 disk=$2 pool=$3 chunk=$4 size=(-l 80%FREE)
  shift 4
  if [[ " $*" == *' -L'* || " $*" == *' -l'* ]]; then size=(); fi
  vgs "$group" &> /dev/null || vgcreate -qq "$group" "$disk"
  lvcreate -qq -y --type thin-pool -c "$chunk" --poolmetadatasize 8M "${size[@]}" "$@" -n "$pool" "$group"
}

# thin_volume POOL NAME SIZE
thin_volume() {
  lvcreate -qq -y -V "$3" -T "$1" -n "$2"
}

# snapshot VOLUME NAME: as LVM makes them, inactive and skipped by activation.
snapshot() {
  lvcreate -qq -y -s "$1" -n "$2"
}

# uuid VOLUME
uuid() { lvs --noheadings -o lv_uuid "$1" | tr -d ' '; }

# ---- content ---------------------------------------------------------------------------------
device() { if [[ $1 == /* ]]; then echo "$1"; else echo "/dev/$1"; fi; }

# write_random VOLUME OFFSET_KIB LENGTH_KIB SEED [STEP_KIB TIMES]: bytes that follow from SEED and position; at TIMES
# places that begin STEP_KIB apart.
write_random() {
  lab-io random "$(device "$1")" $(($2 * 1024)) $(($3 * 1024)) "$4" ${5:+$(($5 * 1024)) "$6"}
}

# copy_bytes VOLUME FROM LENGTH TO: within it, to a byte; as a log does with what stands elsewhere.
copy_bytes() {
  dd if="$(device "$1")" of="$(device "$1")" bs="$3" count=1 iflag=skip_bytes,fullblock skip="$2" oflag=seek_bytes seek="$4" conv=notrunc,fsync status=none
}

# write_zero VOLUME OFFSET_KIB LENGTH_KIB
write_zero() {
  lab-io zero "$(device "$1")" $(($2 * 1024)) $(($3 * 1024))
}

# discard VOLUME OFFSET_KIB LENGTH_KIB
discard() {
  blkdiscard -o $(($2 * 1024)) -l $(($3 * 1024)) "$(device "$1")"
}

# sum VOLUME [BYTES]: a checksum of all of it, or of its first BYTES, past the page cache. An
# inactive volume is active while it is read. XXH3: SHA-256 takes ten times as long in here.
sum() { checksum 'xxhsum -H2' "$@"; }

# sha256 VOLUME [BYTES]: the same, where nobody shall have a doubt.
sha256() { checksum sha256sum "$@"; }

checksum() {
  local program=$1 volume=$2 options=() activated=''
  if [[ -b $(device "$volume") ]]; then options=(iflag=direct); fi
  if (($# > 2)); then options+=("count=${3}B"); fi
  if [[ $volume != /* ]] && ! active "$volume"; then
    lvchange -qq -K -ay "$volume"
    activated=1
  fi
  # shellcheck disable=SC2086  # words on purpose
  dd if="$(device "$volume")" bs=1M "${options[@]}" status=none | $program | cut -d' ' -f1
  if [[ $activated ]]; then lvchange -qq -an "$volume"; fi
}

# ---- state -----------------------------------------------------------------------------------
# active VOLUME: whether it is.
active() {
  [[ $(lvs --noheadings -o lv_active "$1") =~ ^\ *active ]]
}

# pool_status POOL: one line, as words: transaction, metadata used/total, data used/total blocks,
# held metadata snapshot or -, mode...
pool_status() {
  dmsetup status "$(pool_device "$1")" | cut -d' ' -f4-
}

# The pool's own device is below another of its name, when it has volumes.
pool_device() {
  local group=${1%/*} pool=${1#*/} name
  name=${group//-/--}-${pool//-/--}
  if [[ -e /dev/mapper/$name-tpool ]]; then name=$name-tpool; fi
  echo "$name"
}

metadata_snapshot_held() {
  local words
  read -ra words < <(pool_status "$1")
  [[ ${words[3]} != - ]]
}

hold_metadata_snapshot() { dmsetup message "$(pool_device "$1")" 0 reserve_metadata_snap; }
release_metadata_snapshot() { dmsetup message "$(pool_device "$1")" 0 release_metadata_snap; }

# free_kib POOL: room for data.
free_kib() {
  local words sectors_per_block
  read -ra words < <(pool_status "$1")
  sectors_per_block=$(dmsetup table "$(pool_device "$1")" | cut -d' ' -f6)
  echo $(((${words[2]#*/} - ${words[2]%/*}) * sectors_per_block / 2))
}

# fill_pool POOL LEAVE_KIB: a volume `filler` takes all room but this.
fill_pool() {
  local kib
  kib=$(($(free_kib "$1") - $2))
  thin_volume "$1" filler "${kib}k"
  write_zero "${1%/*}/filler" 0 "$kib"
}

# ---- bsr -------------------------------------------------------------------------------------
# send_to FILE ARG..., receive_from FILE ARG...
send_to() { bsr-send "${@:2}" > "$1"; }
receive_from() { bsr-recv "${@:2}" < "$1"; }

# ship 'SEND_ARGS' 'RECV_ARGS': one transfer that must succeed on both sides; prints the UUID.
ship() {
  local answer
  # shellcheck disable=SC2086  # words on purpose
  answer=$(bsr-send $1 | bsr-recv $2)
  [[ $answer == 'committed '* ]] || fail "bsr-recv said: $answer"
  echo "${answer#committed }"
}

# honest SNAPSHOT 'SEND_ARGS' 'RECV_ARGS' TARGET: one transfer of something that did not stand still: it either commits
# what equals SNAPSHOT, or is refused for that reason and leaves what TARGET, a managed one, had. OUTCOME is
# committed or refused, OUTPUT what both said.
honest() {
  local sent=0 received=0 newest before=''
  newest=$(newest_generation "$4")
  if [[ $newest ]]; then before=$(sum "$newest"); fi
  # shellcheck disable=SC2086  # words on purpose
  bsr-send $2 > /run/honest-stream 2> /run/honest-sent || sent=$?
  # shellcheck disable=SC2086
  bsr-recv $3 < /run/honest-stream > /run/honest-received 2>&1 || received=$?
  OUTPUT=$(cat /run/honest-sent /run/honest-received)
  echo "sender $sent, receiver $received: $OUTPUT"
  if ((received == 0)); then
    OUTCOME=committed
    [[ $OUTPUT == *"committed $(uuid "$1")"* ]] || fail "status 0, and $1 is not committed"
    expect_equal "$1" "$(newest_generation "$4")" "$(lvs --noheadings --nosuffix --units b -o lv_size "$1" | tr -d ' ')"
    return
  fi
  # shellcheck disable=SC2034
  OUTCOME=refused
  [[ " $sent $received " =~ \ (13|14|18)\  ]] || fail "refused with $sent and $received"
  expect_same "$newest" "$(newest_generation "$4")" "the newest generation"
  if [[ $newest ]]; then expect_same "$before" "$(sum "$newest")" "what it holds"; fi
}

# generations TARGET: its generations, oldest first.
generations() {
  lvs --noheadings -o lv_name,lv_tags "${1%/*}" |
    sed -nE "/bsr\\.target=${1#*/}(,|\$)/s/^ *([^ ]+) .*bsr\\.number=([0-9]+).*/\\2 \\1/p" |
    sort -n | sed "s|.* |${1%/*}/|"
}

newest_generation() { generations "$1" | tail -n 1; }

# expect_equal VOLUME VOLUME [BYTES]: the same content.
expect_equal() {
  local expected actual
  expected=$(sum "$1" "${@:3}")
  actual=$(sum "$2" "${@:3}")
  expect_same "$expected" "$actual" "content of $2, compared with $1"
}

# ---- the other node --------------------------------------------------------------------------
# power_cut [SEED]: dr loses power now, and its volatile disks what was not flushed: all of it, or,
# by SEED, each write is kept, lost or torn.
power_cut() { lab-ctl cut dr "$@"; }

# power_on: dr boots, with what its disks kept.
power_on() {
  lab-ctl start dr > /dev/null
  lab-wait-ssh dr
  if [[ -n $RECORDS_DISK ]]; then mount_records; fi
}

# keep_records DISK: the folder of bsr's records on dr is on this disk of it, now and after each
# power_on. Otherwise it is in memory, and a boot forgets what a crash leaves.
RECORDS_DISK=''
keep_records() {
  RECORDS_DISK=$1
  on dr mke2fs -q -t ext4 "$1"
  mount_records
}
mount_records() { on dr "mkdir -p /var/lib/bsr && mount $RECORDS_DISK /var/lib/bsr"; }

# on HOST COMMAND...: there, with these verbs.
on() {
  # shellcheck disable=SC2029
  ssh "$1" "set -euo pipefail; . /lab/lib.sh; cd /lab/work; ${*:2}"
}
