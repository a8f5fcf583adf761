# shellcheck shell=bash
# What the untidy administrator does, beside LVM's own commands: the verbs of a printed history. Sourced behind
# /lab/lib.sh. SIDE is a volume group with the pool `pool`; positions and lengths are bytes, multiples of 512.
# shellcheck disable=SC2034  # what is set here is used in the files that are sourced behind this one

# ---- content ---------------------------------------------------------------------------------
write_bytes() { lab-io random "/dev/$1" "$2" "$3" "$4"; } # VOLUME OFFSET LENGTH SEED
zero_bytes() { lab-io zero "/dev/$1" "$2" "$3"; }
# A pool that ignores discards says that it cannot.
discard_bytes() { blkdiscard -o "$2" -l "$3" "/dev/$1" 2> /dev/null || true; }

# rewrite_bytes VOLUME OFFSET LENGTH: with what is there.
rewrite_bytes() {
  dd if="/dev/$1" of="/dev/$1" bs="$3" count=1 iflag=skip_bytes,fullblock skip="$2" oflag=seek_bytes seek="$2" \
    conv=notrunc,fsync status=none
}

# opened VOLUME VERB [ARG...]: a volume that is not active is while VERB works on it.
opened() {
  local volume=$1 verb=$2
  shift 2
  lvchange -qq -K -ay "$volume"
  "$verb" "$volume" "$@"
  lvchange -qq -an "$volume"
}

# make_file_system VOLUME: in its first 4 MiB.
make_file_system() { mke2fs -q -F -t ext4 -b 1024 -J size=1 -E nodiscard,lazy_itable_init=0 "/dev/$1" 4096; }

# use_files VOLUME SEED [discard] [trim] [crash]: some come, some go. After a crash the journal has to be replayed.
use_files() {
  local volume=$1 seed=$2 options=rw device table
  if [[ " ${*:3} " == *' discard '* ]]; then options+=,discard; fi
  mount -t ext4 -o "$options" "/dev/$volume" /mnt
  dd if=/dev/zero of="/mnt/f$((seed % 7))" bs=1k count=$((1 + seed % 400)) status=none || true
  lab-io random "/mnt/f$((seed % 7))" 0 $((512 * (1 + seed % 100))) "$seed" 2> /dev/null || true
  rm -f "/mnt/f$(((seed + 3) % 7))"
  sync
  if [[ " ${*:3} " == *' trim '* ]]; then fstrim /mnt; fi
  if [[ " ${*:3} " == *' crash '* ]]; then
    dd if=/dev/zero of=/mnt/last bs=1k count=20 conv=fsync status=none || true
    device=$(dm_name "$volume")
    table=$(dmsetup table "$device")
    dmsetup wipe_table --nolockfs "$device"
    umount /mnt
    dmsetup load "$device" --table "$table"
    dmsetup resume "$device"
    # The kernel remembers what it could not write, and tells the next one who flushes.
    dd if=/dev/null of="/dev/$volume" conv=fsync,notrunc status=none 2> /dev/null || true
    blockdev --flushbufs "/dev/$volume"
  else
    umount /mnt
  fi
}
# look_into VOLUME: as one does before it is needed; the journal of a writable one is replayed.
look_into() {
  mount -t ext4 -o ro "/dev/$1" /mnt
  umount /mnt
}

dm_name() {
  local group=${1%/*} name=${1#*/}
  echo "${group//-/--}-${name//-/--}"
}

# ---- pools -----------------------------------------------------------------------------------
# rename_side SIDE NAME: nothing is active meanwhile: LVM (2.03.16) forgets to rename a pool that has no active volume.
rename_side() { vgchange -qq -an "$1" && vgrename -qq "$1" "$2" && vgchange -qq -ay "$2"; }

# rebuild_pool SIDE: its metadata is dumped and restored, as after a repair: the same mappings in other blocks.
rebuild_pool() {
  vgchange -qq -an "$1"
  lvchange -qq -y -ay "$1/pool_tmeta"
  dmsetup create rebuilt --table "$(dmsetup table "$1-pool_tmeta")"
  thin_dump /dev/mapper/rebuilt > dump.xml
  dd if=/dev/zero of=/dev/mapper/rebuilt bs=64k count=4 oflag=direct status=none
  thin_restore -q -i dump.xml -o /dev/mapper/rebuilt > restore.log 2>&1 || { cat restore.log; return 1; }
  dmsetup remove rebuilt
  lvchange -qq -an "$1/pool_tmeta"
  vgchange -qq -ay "$1"
}

# orphan SIDE BYTES SEED AHEAD: a thin device that LVM does not know; with 1 it has the number that LVM gives out
# next. ORPHAN is its number.
orphan() {
  local pool number
  pool=/dev/mapper/$(pool_device "$1/pool")
  number=$(($(lvs --noheadings -o thin_id "$1" | sort -n | tail -n 1) + $4))
  dmsetup message "$pool" 0 "create_thin $number"
  dmsetup create orphan --table "0 $(($2 / 512)) thin $pool $number"
  lab-io random /dev/mapper/orphan 0 "$2" "$3"
  dmsetup remove orphan
  ORPHAN=$number
}

# remove_orphan SIDE NUMBER: unless LVM uses it by now, or is rid of it.
remove_orphan() {
  [[ ! $(lvs --noheadings -o lv_name -S "thin_id=$2" "$1") ]] || return 0
  dmsetup message "$(pool_device "$1/pool")" 0 "delete $2" 2> /dev/null || true
}

# ---- the receiver's volumes ------------------------------------------------------------------
# generation TARGET NUMBER
generation() {
  local name
  name=$(lvs --noheadings -o lv_name -S "lv_tags=bsr.target=${1#*/} && lv_tags=bsr.number=$2" "${1%/*}" | tr -d ' ')
  echo "${1%/*}/$name"
}

# ---- sessions --------------------------------------------------------------------------------
# Each leaves SEND_STATUS, RECV_STATUS, ANSWER (what bsr-recv printed) and SAID (what both said).
# session 'SEND_ARGS' 'RECV_ARGS'
session() { sending "$1" | receiving "$2" && heard; }

# shellcheck disable=SC2086  # words on purpose
sending() {
  local status=0
  bsr-send $1 2> said.send || status=$?
  echo $status > status.send
}

# shellcheck disable=SC2086
receiving() {
  local status=0
  bsr-recv $1 > answer 2> said.recv || status=$?
  echo $status > status.recv
}

heard() {
  SEND_STATUS=$(< status.send) RECV_STATUS=$(< status.recv) ANSWER=$(< answer) SAID=$(cat said.send said.recv)
}

# cut_session PERCENT 'SEND_ARGS' 'RECV_ARGS': the line breaks.
cut_session() {
  sending "$2" > stream
  { head -c $(($(stat -c %s stream) * $1 / 100 + 1)) stream || true; } 2> /dev/null | receiving "$3"
  heard
}

# killed_receiver PERCENT 'SEND_ARGS' 'RECV_ARGS': SIGKILL when so much of the stream is on its way.
killed_receiver() {
  local pid status=0
  sending "$2" > stream
  rm -f line && mkfifo line
  # shellcheck disable=SC2086
  bsr-recv $3 < line > answer 2> said.recv &
  pid=$!
  exec 3> line
  head -c $(($(stat -c %s stream) * $1 / 100)) stream >&3 2> /dev/null || true
  sleep 0.$(($1 % 10))
  kill -9 $pid 2> /dev/null || true
  wait $pid 2> /dev/null || status=$?
  exec 3>&-
  echo $status > status.recv
  heard
}

# killed_sender KIB 'SEND_ARGS' 'RECV_ARGS': SIGKILL when so much of the stream has come.
killed_sender() {
  local pid status=0
  rm -f line && mkfifo line
  # shellcheck disable=SC2086
  bsr-send $2 > line 2> said.send &
  pid=$!
  exec 3< line
  head -c $(($1 * 1024)) <&3 > part
  kill -9 $pid 2> /dev/null || true
  wait $pid 2> /dev/null || status=$?
  exec 3<&-
  echo $status > status.send
  receiving "$3" < part
  heard
}

# continue_as_printed: the command that the last message ends with.
continue_as_printed() {
  local command
  command=$(printed_command)
  [[ $command ]] || fail "no command is printed: $SAID"
  [[ $command =~ ^bsr-send\ ([^|]*)\|\ *bsr-recv\ (.*)$ ]]
  session "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
}
printed_command() { sed -nE 's/^ *(bsr-send -t [^|]*\| *bsr-recv .*)$/\1/p' <<< "$SAID" | tail -n 1; }

# resync SNAPSHOT TARGET
resync() {
  local status=0
  bsr-recv --digests "$2" > map 2> said.recv || status=$?
  if ((status == 0)); then
    session "--against map $1" "$2"
  else
    echo 0 > status.send && echo $status > status.recv
    : > answer && : > said.send
    heard
  fi
}
