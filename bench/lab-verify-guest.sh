#!/bin/bash
# What `bench/run lab-verify` runs inside one virtual machine: what reading back costs on LVM, from one thin pool into
# generations in another.
set -euo pipefail
# shellcheck source=tests/lab/guest-lib.sh
. /lab/lib.sh
# shellcheck source=bench/measure.sh
. /usr/local/bin/measure.sh
cd /tmp

mib=$BENCH_LAB_MIB
chunks=$((mib * 16))
make_pool src /dev/vda pool 64k
make_pool dst /dev/vdb pool 64k
thin_volume src/pool data "${mib}M"
write_random src/data 0 $((mib * 1024)) 1
snapshot src/data s1
write_random src/data 0 64 2 512 $((chunks / 8))
snapshot src/data s2

no_target() {
  lvs --noheadings -o lv_full_name -S 'lv_name!=pool' dst | xargs -r lvremove -qq -y
  sync
}
back_to_first() {
  if lvs dst/kept.bsr-recv &> /dev/null; then lvremove -qq -y dst/kept.bsr-recv; fi
  generations dst/kept | tail -n +2 | xargs -r lvremove -qq -y
  sync
}
export -f no_target back_to_first generations

send='bsr-send --compress none --patch never'
compare "full: a volume of $mib MiB, random content" no_target none \
  none "$send src/s1 | bsr-recv --verify none --pool dst/pool dst/kept" \
  written "$send src/s1 | bsr-recv --verify written --pool dst/pool dst/kept"
expect_equal src/s1 "$(newest_generation dst/kept)"
compare "change: $((mib / 8)) MiB in chunks of 64 KiB, scattered over it" back_to_first none \
  none "$send -i src/s1 src/s2 | bsr-recv --verify none dst/kept" \
  written "$send -i src/s1 src/s2 | bsr-recv --verify written dst/kept"
expect_equal src/s2 "$(newest_generation dst/kept)"
echo 'the copies are identical'
