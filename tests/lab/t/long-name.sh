#!/bin/bash
# lab: solo disks=160M,96M timeout=300 both-kernels
# Names that LVM or the device mapper would refuse only when a generation is made or activated are refused before
# anything is made, and the message names one that works, to a letter.
set -euo pipefail
. /lab/lib.sh

# repeat LETTER TIMES
repeat() { printf "%$2s" '' | tr ' ' "$1"; }

# volumes VG: their names, but for the pool.
volumes() { lvs --noheadings -o lv_name "$1" | tr -d ' ' | grep -v '^pool$' || true; }

make_pool src /dev/vda pool 64k -L 64M
thin_volume src/pool vol 4M
write_random src/vol 0 1024 1
snapshot src/vol s1
write_random src/vol 0 64 2
snapshot src/vol s2
send_to s1.bsr src/s1
send_to s2.bsr -i src/s1 src/s2
write_random src/vol 128 64 3
snapshot src/vol s3
send_to delta.bsr -i src/s2 src/s3
lvremove -qq -y src/vol > /dev/null

# refused VG NAME: and nothing is made; SHORTER is the name that would do.
refused() {
  local before
  before=$(volumes "$1")
  expect_rc 2 receive_from s1.bsr --pool "$1/pool" "$1/$2"
  expect_same "$before" "$(volumes "$1")" "volumes after a refusal"
  [[ $OUTPUT =~ "would do: $1/"(.*) ]] || fail "no name is offered: $OUTPUT"
  SHORTER=${BASH_REMATCH[1]}
}

# works VG NAME: two generations and what a rollback leaves are made, and all of them can be activated.
works() {
  local volume
  receive_from s1.bsr --pool "$1/pool" "$1/$2"
  receive_from s2.bsr "$1/$2"
  lvchange -qq -K -ay "$1/$2.bsr-recv"
  write_random "$1/$2.bsr-recv" 0 64 9
  lvchange -qq -an "$1/$2.bsr-recv"
  receive_from s2.bsr "$1/$2" # it is here
  receive_from delta.bsr --rollback "$1/$2"
  expect_same 5 "$(volumes "$1" | grep -c "^$2\.bsr-")" "volumes of $1/$2"
  for volume in $(volumes "$1" | grep "^$2\.bsr-"); do
    lvchange -qq -K -ay "$1/$volume"
    [[ -b /dev/$1/$volume ]] || fail "no device: $1/$volume"
    lvchange -qq -an "$1/$volume"
  done
  volumes "$1" | grep "^$2\.bsr-" | sed "s|^|$1/|" | xargs lvremove -qq -y > /dev/null
}

echo "letters"
refused src "$(repeat x 112)"
expect_same 87 ${#SHORTER} "letters that fit beside src"
works src "$SHORTER"
refused src "${SHORTER}x"

echo "hyphens"
refused src "a$(repeat - 60)z"
works src "$SHORTER"
refused src "$SHORTER-"

echo "a group with a long name full of hyphens"
vg=g$(repeat - 30)g
make_pool "$vg" /dev/vdb pool 64k -L 64M
refused "$vg" "$(repeat y 50)"
works "$vg" "$SHORTER"

echo "a group whose name leaves no room"
vgrename -qq "$vg" "$(repeat g 110)"
expect_rc 2 receive_from s1.bsr --pool "$(repeat g 110)/pool" "$(repeat g 110)/x"
[[ $OUTPUT == *'leaves no room at all'* ]] || fail "not said: $OUTPUT"
expect_same '' "$(volumes "$(repeat g 110)")" "volumes of the group"
