#!/bin/bash
# lab: solo disks=160M,160M timeout=300 both-kernels
# A rollback past newer generations is cut, twice: the command that is printed continues it, as it stands, under whatever name the group has by
# then. Where its base is gone meanwhile it says so.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 12M
write_random src/vol 0 4096 1
snapshot src/vol s1
write_random src/vol 4096 1024 2
snapshot src/vol s2
write_random src/vol 0 8192 3
snapshot src/vol s3
ship src/s1 '--pool dst/pool dst/copy'
ship '-i src/s1 src/s2' dst/copy
send_to change.bsr --compress none --patch never -i src/s1 src/s3
command() { grep -x ' *bsr-send -t bsr1\..*| bsr-recv .*/copy' <<< "$OUTPUT"; }

head -c 2500K change.bsr > cut.bsr
expect_rc 14 receive_from cut.bsr dst/copy
expect_rc 11 receive_from cut.bsr --rollback dst/copy
send_to rest.bsr --compress none -t "$(bsr-recv -t dst/copy)"
head -c 2000K rest.bsr > cut.bsr
expect_rc 11 receive_from cut.bsr dst/copy
command > continue.sh
vgrename -qq dst other
sed -i 's|dst/copy|other/copy|' continue.sh
expect_same "committed $(uuid src/s3)" "$(sh continue.sh)" "the answer"
expect_equal src/s3 "$(newest_generation other/copy)"
expect_same 3 "$(generations other/copy | wc -l)" "number of generations"
vgrename -qq other dst

echo "== its base is removed"
write_random src/vol 1000 8192 4
snapshot src/vol s4
send_to change.bsr --compress none --patch never -i src/s2 src/s4
head -c 2500K change.bsr > cut.bsr
expect_rc 11 receive_from cut.bsr --rollback dst/copy
command > continue.sh
lvremove -qq -y "$(generations dst/copy | sed -n 2p)"
expect_rc 13 sh continue.sh
[[ $OUTPUT == *'no generation any more'* ]] || fail "says: $OUTPUT"
grep -x ' *bsr-recv -A dst/copy' <<< "$OUTPUT" > drop.sh
sh drop.sh
ship '-i src/s3 src/s4' dst/copy
expect_equal src/s4 "$(newest_generation dst/copy)"
expect_same '' "$(find /var/lib/bsr -name 'recv:*')" "records"
