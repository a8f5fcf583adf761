#!/bin/bash
# lab: solo disks=96M,96M,96M timeout=300
# A working copy that is half is removed by hand: its record and log go with the next session into that target. What waits
# beside it in the same group, and in a group that is not attached, stays and is continued.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 64M
make_pool far /dev/vdc pool 64k -L 64M
thin_volume src/pool vol 4M
write_random src/vol 0 4096 1
snapshot src/vol s1
send_to full.bsr --compress none src/s1
head -c 2500K full.bsr > 'cut'

records() { find /var/lib/bsr -name "recv:$(vgs --noheadings -o vg_uuid "$1" | tr -d ' ').*" -printf '%f\n' | sort; }
for target in dst/copy dst/other far/copy; do expect_rc 11 receive_from cut --pool "${target%/*}/pool" "$target"; done
expect_same 4 "$(records dst | wc -l)" "records and logs of dst"
removed=$(uuid dst/copy.bsr-recv)
far=$(records far)
[[ $far ]] || fail "nothing is recorded for far"
lvremove -qq -y dst/copy.bsr-recv
vgchange -qq -an far
vgexport -qq far

echo "== looking changes nothing"
expect_same '' "$(bsr-recv -t dst/copy)" "what waits in dst/copy"
receive_from full.bsr -n --pool dst/pool dst/copy
expect_same 4 "$(records dst | wc -l)" "records and logs of dst"

echo "== the next session"
receive_from full.bsr --pool dst/pool dst/copy
[[ $(records dst) != *"$removed"* ]] || fail "still there: $(records dst)"
vgimport -qq far
expect_same "$far" "$(records far)" "records of far"
for target in dst/other far/copy; do
  bsr-send -t "$(bsr-recv -t $target)" | bsr-recv $target
  expect_equal src/s1 "$(newest_generation $target)"
done
expect_same '' "$(records dst)$(records far)" "records in the end"

echo "== -A"
write_random src/vol 0 4096 2
snapshot src/vol s2
bsr-send --compress none --patch never -i src/s1 src/s2 > delta.bsr
head -c 2500K delta.bsr > 'cut'
expect_rc 11 receive_from cut dst/copy
[[ $(records dst) ]] || fail "nothing is recorded"
lvremove -qq -y dst/copy.bsr-recv
bsr-recv -A dst/copy
expect_same '' "$(records dst)" "records after -A"
