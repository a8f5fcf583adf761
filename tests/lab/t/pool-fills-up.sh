#!/bin/bash
# lab: solo disks=128M,2200M timeout=400
# The receiver's pool runs out of data (its chunks are larger, so the change needs more room than it says) or of metadata
# (another volume takes it) while a delta is applied: 15 before the pool is full, whatever it does when full. It stays
# writable, the old generation is whole, the transfer goes on where it was when the pool was extended. What cannot fit is
# refused before anything is written. BSR_ROUNDS=all: with both ways to be full, of both.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
vgcreate -qq -s 1M dst /dev/vdb
lvcreate -qq -y --type thin-pool -c 512k --poolmetadatasize 2M -L 16M -n pool dst
thin_volume src/pool vol 24M
write_random src/vol 0 1024 1
snapshot src/vol s1
ship src/s1 '--pool dst/pool dst/copy'
thin_volume dst/pool other 16M
number=1 written=0

# next_delta: 6 MiB in delta.bsr, from the newest snapshot to one more; a piece for each chunk of the receiver.
next_delta() {
  number=$((number + 1))
  write_random src/vol 64 128 "$number" 512 48
  snapshot src/vol "s$number"
  send_to delta.bsr -i "src/s$((number - 1))" "src/s$number"
}

free_metadata() {
  local words
  read -ra words < <(pool_status dst/pool)
  echo $((${words[1]#*/} - ${words[1]%/*}))
}

# fill_metadata LEAVE: all 4 KiB blocks of metadata but these go to thin devices that only the kernel knows: one for each.
thin_id=10000
fill_metadata() {
  local left
  while left=$(($(free_metadata) - $1)) && ((left > 0)); do
    for ((; left > 0; left--)); do
      dmsetup message "$(pool_device dst/pool)" 0 "create_thin $((thin_id++))"
    done
  done
}

# expect_usable: another volume of the pool gets a new chunk.
expect_usable() {
  [[ $(pool_status dst/pool) == *' rw '* ]] || fail "the pool: $(pool_status dst/pool)"
  timeout 60 dd if=/dev/urandom of=/dev/dst/other bs=512k count=1 seek=$((written++)) oflag=direct conv=fsync status=none
}

# interrupted_by ACTION [RECV_ARG...]: a third arrives, ACTION is done, the rest follows.
interrupted_by() {
  local receiver room old before
  old=$(newest_generation dst/copy)
  before=$(sum "$old")
  room=$(free_kib dst/pool)
  rm -f stream
  mkfifo stream
  bsr-recv "${@:2}" dst/copy < stream > said 2>&1 &
  receiver=$!
  exec 3> stream
  head -c 2M delta.bsr >&3
  until (($(free_kib dst/pool) < room - 12 * 512)); do sleep 0.2; done
  "$1" 3>&-
  tail -c +$((2 * 1024 * 1024 + 1)) delta.bsr >&3 || echo "the receiver did not read to the end"
  exec 3>&-
  expect_rc 15 wait $receiver
  cat said
  echo "the pool: $(pool_status dst/pool)"
  if grep -q committed said; then fail "it said committed"; fi
  grep -q 'bsr-send -t bsr1\.' said
  expect_usable
  expect_same "$old" "$(newest_generation dst/copy)" "the newest generation"
  expect_same "$before" "$(sum "$old")" "its content"
  if active dst/copy.bsr-recv; then fail "the working copy is active"; fi
}

# continued: from the token to the end; less than the whole is sent.
continued() {
  local token
  token=$(bsr-recv -t dst/copy)
  grep -qF -e "$token" said
  send_to rest.bsr -t "$token"
  (($(stat -c %s rest.bsr) < $(stat -c %s delta.bsr) - 1024 * 1024)) || fail "all is sent again"
  expect_rc 0 receive_from rest.bsr dst/copy
  expect_same "$number" "$(generations dst/copy | wc -l)" "number of generations"
  expect_equal "src/s$number" "$(newest_generation dst/copy)"
  expect_same '' "$(bsr-recv -t dst/copy)" "a token"
  expect_same '' "$(lvs --noheadings -o lv_tags dst | grep -o 'bsr.applying[^,]*' || true)" "tags"
}

# refused WHAT [RECV_ARG...]: before anything is written, because there is too little of WHAT.
everything() {
  pool_status dst/pool | cut -d' ' -f3
  lvs --noheadings -o lv_name,lv_tags dst | sed -E 's/bsr\.applying=[^,]*,| *$//g'
  ls -A /var/lib/bsr
}
refused() {
  local before
  before=$(everything)
  expect_rc 15 receive_from delta.bsr "${@:2}" dst/copy
  [[ $OUTPUT == *"of $1"*lvextend* ]] || fail "it said: $OUTPUT"
  expect_same "$before" "$(everything)" "the pool and what is in it"
  expect_same '' "$(bsr-recv -t dst/copy)" "a token"
  expect_usable
}

echo "== data, writes would wait in a full pool"
next_delta
interrupted_by true
lvextend -qq -L +12M dst/pool
continued

if [[ -n ${BSR_ROUNDS:-} ]]; then
  echo "== data, writes would fail in a full pool"
  next_delta
  lvchange -qq --errorwhenfull y dst/pool
  refused data
  lvextend -qq -L +8M dst/pool
  interrupted_by true
  lvextend -qq -L +1G dst/pool
  continued
fi
lvextend -qq -L 2G dst/pool

# The reserve, in blocks, is reached when 20 KiB and more of it are gone.
reserved() {
  local words
  read -ra words < <(pool_status dst/pool)
  echo $((${words[1]#*/} * 7 / 10 - 8))
}
take_metadata() { fill_metadata $(($(reserved) - 5)); }
expect_metadata_left() {
  (($(free_metadata) >= $(reserved) - 20)) || fail "$(free_metadata) blocks of metadata are left"
}

if [[ -n ${BSR_ROUNDS:-} ]]; then
  echo "== metadata, writes would wait in a full pool"
  next_delta
  lvchange -qq --errorwhenfull n dst/pool
  interrupted_by take_metadata --reserve 70
  expect_metadata_left
  lvextend -qq --poolmetadatasize +2M dst/pool
  continued
fi

echo "== metadata, writes would fail in a full pool"
next_delta
lvchange -qq --errorwhenfull y dst/pool
refused metadata --reserve 90
interrupted_by take_metadata --reserve 70
expect_metadata_left
lvextend -qq --poolmetadatasize +2M dst/pool
continued
if metadata_snapshot_held src/pool; then fail "the metadata snapshot is held"; fi
