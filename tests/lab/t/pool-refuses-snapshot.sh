#!/bin/bash
# lab: solo disks=128M,160M timeout=400
# What makes LVM refuse a snapshot is found before anything is applied, the message says what to do, and then it works:
# a pool above thin_pool_autoextend_threshold, another transaction in LVM's metadata, the next number taken.
set -euo pipefail
. /lab/lib.sh
make_pool src /dev/vda pool 64k -L 64M
make_pool dst /dev/vdb pool 64k -L 64M
thin_volume src/pool vol 32M
write_random src/vol 0 8192 1
snapshot src/vol s1
write_random src/vol 8192 8192 2
snapshot src/vol s2
ship src/s1 '--pool dst/pool dst/copy'
send_to delta.bsr -i src/s1 src/s2
send_to full.bsr src/s1

# refused STATUS TEXT: a first transfer and a change; nothing is left of either.
refused() {
  local before
  before=$(lvs --noheadings -o lv_name,lv_tags dst)
  expect_rc "$1" receive_from delta.bsr dst/copy
  [[ $OUTPUT == *"$2"* ]] || fail "said: $OUTPUT"
  expect_same "$before" "$(lvs --noheadings -o lv_name,lv_tags dst)" "volumes after the refusal"
  expect_same '' "$(bsr-recv -t dst/copy)" "the token after the refusal"
}

echo "the threshold"
cp /etc/lvm/lvm.conf /tmp/lvm.conf
{ cat /tmp/lvm.conf && echo 'activation { thin_pool_autoextend_threshold = 20 }'; } > /etc/lvm/lvm.conf
refused 15 'above 20 % (activation/thin_pool_autoextend_threshold'
{ cat /tmp/lvm.conf && echo 'activation { thin_pool_autoextend_threshold = 70 }'; } > /etc/lvm/lvm.conf
receive_from delta.bsr dst/copy
cp /tmp/lvm.conf /etc/lvm/lvm.conf
expect_equal src/s2 "$(newest_generation dst/copy)"

write_random src/vol 1024 256 3
snapshot src/vol s3
send_to delta.bsr -i src/s2 src/s3
# Its volumes are inactive: one keeps the pool.
thin_volume dst/pool other 4M

echo "the transaction"
transaction=$(pool_status dst/pool | cut -d' ' -f1)
dmsetup message dst-pool-tpool 0 "set_transaction_id $transaction $((transaction + 1))"
refused 1 "its own metadata is of transaction $((transaction + 1)) and LVM's of $transaction"
dmsetup message dst-pool-tpool 0 "set_transaction_id $((transaction + 1)) $((transaction - 1))"
# LVM goes on one transaction ahead where it has yet to tell the pool something, and only there.
refused 1 "its own metadata is of transaction $((transaction - 1)) and LVM's of $transaction"
command=$(sed -n "s/.*\(dmsetup message [^ ]* 0 'set_transaction_id [0-9 ]*'\).*/\1/p" <<< "$OUTPUT")
bash -c "$command"
expect_same "$transaction" "$(pool_status dst/pool | cut -d' ' -f1)" "the pool's transaction"

echo "the number"
next=$(($(lvs --noheadings -o thin_id dst | sort -n | tail -n 1) + 1))
dmsetup message dst-pool-tpool 0 "create_thin $next"
refused 1 "has a thin device $next"
command=$(sed -n "s/.*delete it (\(dmsetup [^)]*\)).*/\1/p" <<< "$OUTPUT")
bash -c "$command"
receive_from delta.bsr dst/copy
expect_equal src/s3 "$(newest_generation dst/copy)"
