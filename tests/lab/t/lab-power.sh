#!/bin/bash
# lab: pair disks=16M:volatile,16M:volatile timeout=120
# The lab itself: a node's disks that lose power forget what was not flushed, and nothing else.
set -euo pipefail
. /lab/lib.sh

# fill LETTER BLOCK [DD_OPERAND...]: four blocks of 64 KiB on both disks of dr, past its page cache.
fill() {
  on dr "for disk in vda vdb; do
    head -c 256K /dev/zero | tr '\0' $1 | dd of=/dev/\$disk bs=64k seek=$2 oflag=direct iflag=fullblock status=none ${*:3}
  done"
}
# letters BLOCK: what one finds there: for each disk and block the first and the last byte.
letters() {
  on dr "for disk in vda vdb; do
    for block in {$1..$(($1 + 3))}; do
      dd if=/dev/\$disk bs=64k skip=\$block count=1 iflag=direct status=none | { head -c 1; tail -c 1; }
    done
  done | tr '\0' ."
}

lab-wait-ssh dr
fill a 0
fill b 4 conv=fsync
fill c 4
fill d 8
expect_same ccccccccdddddddd "$(letters 4 | head -c 8)$(letters 8 | head -c 8)" "before the cut"
lab-ctl kill dr
power_on
expect_same cccccccccccccccc "$(letters 4)" "after a reset"
expect_same 'ok: 8 unflushed writes: 0 kept, 8 lost, 0 torn ok: 8 unflushed writes: 0 kept, 8 lost, 0 torn' \
  "$(power_cut)" "the answer"
power_on
expect_same aaaaaaaaaaaaaaaa "$(letters 0)" "flushed with what came after it"
expect_same bbbbbbbbbbbbbbbb "$(letters 4)" "flushed, then written again without"
expect_same ................ "$(letters 8)" "not flushed"

# By seed: some writes stay, and the same ones each time.
for seed in 1 1 2 3; do
  fill a 0
  fill a 4 conv=fsync
  fill b 0
  fill b 4
  power_cut "$seed"
  power_on
  echo "$seed $(letters 0) $(letters 4)" >> found
done
cat found
expect_same 3 "$(sort -u found | wc -l)" "different outcomes of three seeds"
[[ $(cut -d' ' -f2- found) == *a*b* ]] || fail "a seed must keep some and lose some"
