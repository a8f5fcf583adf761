#!/bin/bash
# What `bench/run lab` runs inside one virtual machine: bsr against the original thin_send | thin_recv, from one LVM thin
# pool into another. Source, targets and work are the same for both: a thin snapshot, and an active thin volume of its size.
set -euo pipefail
# shellcheck source=tests/lab/guest-lib.sh
. /lab/lib.sh
# shellcheck source=bench/measure.sh
. /usr/local/bin/measure.sh
cd /tmp

mkdir -p /lab/original
ln -s /usr/local/bin/thin_send_recv /lab/original/thin_send  # the name is the mode
ln -s /usr/local/bin/thin_send_recv /lab/original/thin_recv
PATH=$PATH:/lab/original

mib=$BENCH_LAB_MIB
chunks=$((mib * 16))
make_pool src /dev/vda pool 64k
make_pool dst /dev/vdb pool 64k
thin_volume src/pool data "${mib}M"
write_random src/data 0 $((mib * 1024)) 1
snapshot src/data s1
write_random src/data $((50 * 64)) 64 2 6400 $((chunks / 100))
snapshot src/data s2
lvchange -qq -K -ay src/s1  # thin_send wants it for a full stream
base=$(uuid src/s1)

# The targets as they are before a first transfer, and before the change.
new_targets() {
  lvs --noheadings -o lv_full_name -S 'lv_name!=pool' dst | xargs -r lvremove -qq -y
  thin_volume dst/pool copy "${mib}M"
  sync
}
back_to_first() {
  if lvs dst/kept.bsr-recv &> /dev/null; then lvremove -qq -y dst/kept.bsr-recv; fi
  generations dst/kept | tail -n +2 | xargs -r lvremove -qq -y
  sync
}
export mib
export -f new_targets back_to_first thin_volume generations

theirs='thin_send | thin_recv, which does not flush'
plain='bsr-recv /dev/dst/copy'
managed='bsr-recv --pool dst/pool dst/kept'
compare "full: a volume of $mib MiB, random content" new_targets "$theirs" \
  "$theirs" 'thin_send src/s1 | thin_recv dst/copy' \
  'the same and sync' 'thin_send src/s1 | thin_recv dst/copy && sync' \
  'bsr, no compression' "bsr-send --compress none src/s1 | $plain" \
  'bsr' "bsr-send src/s1 | $plain" \
  'bsr, into generations' "bsr-send src/s1 | $managed" \
  'and content digest' "bsr-send --content-digest src/s1 | $managed"
expect_equal src/s1 "$(newest_generation dst/kept)"

new_targets
bsr-send src/s1 | $plain > /dev/null
bsr-send --content-digest src/s1 | $managed > /dev/null  # both sides keep a map
plain="bsr-recv --base $base /dev/dst/copy"
managed='bsr-recv dst/kept'
compare "change: $((chunks / 100)) chunks of 64 KiB, scattered over it" back_to_first "$theirs" \
  "$theirs" 'thin_send src/s1 src/s2 | thin_recv dst/copy' \
  'the same and sync' 'thin_send src/s1 src/s2 | thin_recv dst/copy && sync' \
  'bsr, no compression' "bsr-send --compress none -i src/s1 src/s2 | $plain" \
  'bsr' "bsr-send -i src/s1 src/s2 | $plain" \
  'bsr, thin_delta as engine' "bsr-send --delta-engine thin-tools -i src/s1 src/s2 | $plain" \
  'bsr, into generations' "bsr-send -i src/s1 src/s2 | $managed" \
  'and content digest' "bsr-send --content-digest -i src/s1 src/s2 | $managed"
expect_equal src/s2 dst/copy
expect_equal src/s2 "$(newest_generation dst/kept)"
echo 'the copies are identical'
