#!/bin/bash
# lab: solo disks=96M,96M,96M,96M timeout=120
# A disk was copied and imported under another name (vgimportclone), and both go on: the volumes of one name and UUID differ now.
# What one of them shipped is neither an acknowledgement nor a base for the other.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 48M
make_pool dst /dev/vdb pool 64k -L 48M
thin_volume src/pool vol 4M
write_random src/vol 0 2048 1
snapshot src/vol s1
snapshot src/vol s2
vgchange -qq -an src
dd if=/dev/vda of=/dev/vdc bs=1M status=none
vgimportclone -n src2 /dev/vdc
vgchange -qq -ay src src2
expect_same "$(uuid src/s1)" "$(uuid src2/s1)" "the UUID of the copied volume"
# The copy's volumes are worked with before anything is shipped.
for name in s1 s2; do
  lvchange -qq -ay -K src2/$name
  write_random src2/$name 100 64 7
  lvchange -qq -an src2/$name
done

ship src/s1 '--pool dst/pool dst/copy' > /dev/null
echo "== the same name, sent again from the copy"
honest src2/s1 src2/s1 dst/copy dst/copy
echo "== a change in the copy"
honest src2/s2 '-i src2/s1 src2/s2' dst/copy dst/copy
echo "== a transfer of one, continued from the other"
snapshot src/vol s3
send_to full --compress none src/s3
head -c 1000K full > cut.bsr
expect_rc 11 receive_from cut.bsr --pool dst/pool dst/other
token=$(bsr-recv -t dst/other)
vgchange -qq -an src
vgrename -qq src elsewhere
vgrename -qq src2 src
honest elsewhere/s3 "-t $token" dst/other dst/other

echo "== the receiver's disk was copied: the copy is a target of its own"
vgchange -qq -an dst
dd if=/dev/vdb of=/dev/vdd bs=1M status=none
vgimportclone -n dst2 /dev/vdd
vgchange -qq -ay dst dst2 elsewhere
expect_same "$(uuid elsewhere/s1)" "$(ship elsewhere/s1 dst2/copy)" "the answer of the copy"
ship '-i elsewhere/s1 elsewhere/s2' dst2/copy > /dev/null
expect_equal elsewhere/s2 "$(newest_generation dst2/copy)"
expect_same 1 "$(generations dst/copy | wc -l)" "generations of the first"
