#!/bin/bash
# lab: solo disks=128M,128M timeout=200
# Where LVM's configuration leaves a volume out, lvchange succeeds and there is no device: both sides say so and where
# to look, and change nothing.
set -euo pipefail
. /lab/lib.sh
make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 4M
write_random src/vol 0 1024 1
snapshot src/vol s1
write_random src/vol 0 64 2
snapshot src/vol s2
ship src/s1 '--pool dst/pool dst/copy'
send_to delta.bsr -i src/s1 src/s2
cp /etc/lvm/lvm.conf /tmp/lvm.conf

for list in '"nothing"' '"src/vol", "dst/pool"' '"@tag"'; do
  { cat /tmp/lvm.conf && echo "activation { volume_list = [ $list ] }"; } > /etc/lvm/lvm.conf
  for action in 'bsr-send src/s2' 'bsr-send -n -i src/s1 src/s2' 'receive_from delta.bsr dst/copy'; do
    # shellcheck disable=SC2086  # words on purpose
    expect_rc 1 $action
    [[ $OUTPUT == *'LVM did not activate it'* ]] || fail "said: $OUTPUT"
    # shellcheck disable=SC2016  # backquotes as printed
    command=$(sed -n 's/.*see `\([^`]*\)`.*/\1/p' <<< "$OUTPUT" | tail -n 1)
    [[ $($command | tr -d " []") == "volume_list=${list// /}" ]] || fail "the printed command shows $($command)"
  done
done

cp /tmp/lvm.conf /etc/lvm/lvm.conf
expect_same 1 "$(generations dst/copy | wc -l)" "generations after refusals"
receive_from delta.bsr dst/copy
expect_equal src/s2 "$(newest_generation dst/copy)"
