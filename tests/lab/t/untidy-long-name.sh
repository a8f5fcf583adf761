#!/bin/bash
# lab: solo disks=160M,160M timeout=120
# Hyphens count twice in names of device-mapper, also those of the group. What is too long is refused before anything is read
# or made, with how long a name may be; the longest one that fits does everything: two generations of one second, a
# rollback, an activation.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
make_pool d-s-t /dev/vdb pool 64k -L 96M
thin_volume src/pool vol 4M
write_random src/vol 0 1024 1
snapshot src/vol s1
snapshot src/vol s2
write_random src/vol 64 8 2
snapshot src/vol s3
send_to full src/s1

# name LENGTH: a letter and a hyphen in turn
name() { printf 'a-%.0s' $(seq $((($1 + 1) / 2))) | head -c "$1" | sed 's/-$/a/'; }
longest=''
for ((length = 70; length > 8; length--)); do
  target=d-s-t/$(name $length)
  status=0
  bsr-recv --pool d-s-t/pool "$target" < full > said 2>&1 || status=$?
  if ((status == 0)); then
    longest=$target
    break
  fi
  mv said before
  ((status == 2)) || fail "a name of $length: status $status: $(< before)"
  expect_same pool "$(lvs --noheadings -o lv_name d-s-t | tr -d ' \n')" "volumes"
done
[[ $longest ]] || fail "no name fits"
echo "longest: $length"
# The name that the message proposes does, too, and is about as long.
proposed=$(grep -o 'd-s-t/[-a]*$' before)
((${#proposed} - 6 >= length - 1)) || fail "proposed: $proposed"
bsr-recv --pool d-s-t/pool "${proposed}" < full > /dev/null
ship '-i src/s1 src/s2' "$longest" > /dev/null
lvchange -qq -ay -K "$longest.bsr-recv"
write_random "$longest.bsr-recv" 100 8 9
lvchange -qq -an "$longest.bsr-recv"
ship '-i src/s1 src/s3' "--rollback $longest" > /dev/null
expect_equal src/s3 "$(newest_generation "$longest")"
for volume in $(lvs --noheadings -o lv_name d-s-t | tr -d ' '); do
  lvchange -qq -K -ay "d-s-t/$volume"
done
