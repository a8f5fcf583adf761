#!/bin/bash
# lab: solo disks=256M timeout=180 programs=platform-probe
# platform/lvm on real LVM: what it reports, and every change it makes, seen by LVM's own programs.
set -euo pipefail
. /lab/lib.sh

# field VOLUME KEY: what the probe says of a volume.
field() { platform-probe find "$1" | tr ' ' '\n' | sed -n "s/^$2=//p"; }
# lvm_field VOLUME FIELD: what lvs says.
lvm_field() { lvs --noheadings --units b --nosuffix -o "$2" "$1" | tr -d ' '; }

make_pool vg-0 /dev/vda my-pool 128k -L 100M
thin_volume vg-0/my-pool vol-1 40M
write_random vg-0/vol-1 0 1024 1

# ---- reports ----
for pair in uuid=lv_uuid vg_uuid=vg_uuid pool=pool_lv pool_uuid=pool_lv_uuid size=lv_size thin_id=thin_id \
  path=lv_path extent=vg_extent_size; do
  expect_same "$(lvm_field vg-0/vol-1 "${pair#*=}")" "$(field vg-0/vol-1 "${pair%=*}")" "field $pair"
done
expect_same 131072 "$(field vg-0/vol-1 chunk)" "chunk size of a thin volume"
expect_same 111 "$(field vg-0/vol-1 active)$(field vg-0/vol-1 writable)$(field vg-0/vol-1 thin)" "flags"
now=$(date +%s) made=$(field vg-0/vol-1 time)
((made > now - 300 && made <= now)) || fail "made at $made, now it is $now"
for form in /dev/vg-0/vol-1 /dev/mapper/vg--0-vol--1; do
  expect_same "$(platform-probe find vg-0/vol-1)" "$(platform-probe find $form)" "$form"
done
expect_same none "$(platform-probe find vg-0/vol)" "a volume that does not exist"
expect_rc 1 platform-probe find nowhere/vol
[[ $OUTPUT == *'Volume group "nowhere" not found'* ]] || fail "said: $OUTPUT"
expect_same 2 "$(platform-probe list vg-0 | wc -l)" "volumes"
[[ $'\n'$(platform-probe list-all vg-0) == *$'\n''vg-0/my-pool_tmeta '* ]]
expect_same "chunk=131072 discards=2 zeroes=1 active=1" "$(platform-probe pool vg-0/my-pool | cut -d' ' -f4-)" pool
lvchange -qq -an vg-0/vol-1 vg-0/my-pool
lvchange -qq --discards ignore vg-0/my-pool
expect_same "discards=0 zeroes=1 active=0" "$(platform-probe pool vg-0/my-pool | cut -d' ' -f5-)" pool
lvchange -qq --discards passdown vg-0/my-pool
lvchange -qq -ay vg-0/vol-1

# ---- a snapshot in one transaction ----
transaction() { lvs --noheadings -o transaction_id vg-0/my-pool | tr -d ' '; }
seqno() { vgs --noheadings -o vg_seqno vg-0 | tr -d ' '; }
before=$(transaction)
platform-probe snapshot vg-0/vol-1 vol-1.s1 ro skip bsr.uuid=a-b bsr.number=1
expect_same $((before + 1)) "$(transaction)" "thin transactions"
expect_same "bsr.number=1,bsr.uuid=a-b" "$(lvm_field vg-0/vol-1.s1 lv_tags)" tags
expect_same "bsr.number=1,bsr.uuid=a-b" "$(field vg-0/vol-1.s1 tags)" tags
expect_same "vol-1 read-only skipactivation" \
  "$(lvm_field vg-0/vol-1.s1 origin) $(lvm_field vg-0/vol-1.s1 lv_permissions) $(lvm_field vg-0/vol-1.s1 lv_skip_activation)" \
  "origin and flags"
expect_same 001 "$(field vg-0/vol-1.s1 active)$(field vg-0/vol-1.s1 writable)$(field vg-0/vol-1.s1 skip)" flags
expect_rc 1 platform-probe snapshot vg-0/vol-1 vol-1.s1 ro skip
expect_rc 2 platform-probe snapshot vg-0/vol-1 --help

# ---- activation, also against the flag, and back ----
before=$(seqno)
platform-probe activate vg-0/vol-1.s1
active vg-0/vol-1.s1
expect_same 1 "$(blockdev --getro /dev/vg-0/vol-1.s1)" "read-only"
expect_equal vg-0/vol-1 vg-0/vol-1.s1
exec 7< /dev/vg-0/vol-1.s1
expect_same 1 "$(field vg-0/vol-1.s1 open)" "an open volume"
expect_rc 1 platform-probe deactivate vg-0/vol-1.s1
exec 7<&-
platform-probe deactivate vg-0/vol-1.s1
platform-probe deactivate vg-0/vol-1.s1
if active vg-0/vol-1.s1; then fail "it is still active"; fi
expect_same "$before" "$(seqno)" "changes of LVM's metadata by activation"

# ---- a writable copy, inactive at first, without the flag ----
platform-probe snapshot vg-0/vol-1.s1 vol-1.recv bsr.target=vol-1
expect_same 010 "$(field vg-0/vol-1.recv active)$(field vg-0/vol-1.recv writable)$(field vg-0/vol-1.recv skip)" flags
platform-probe tag vg-0/vol-1.recv bsr.applying=x
platform-probe tag vg-0/vol-1.recv bsr.applying=x
expect_same "bsr.applying=x,bsr.target=vol-1" "$(field vg-0/vol-1.recv tags)" tags
platform-probe untag vg-0/vol-1.recv bsr.applying=x
platform-probe untag vg-0/vol-1.recv bsr.applying=x
expect_same "bsr.target=vol-1" "$(field vg-0/vol-1.recv tags)" tags

# ---- sizes; a file system on it is neither asked about nor touched ----
platform-probe activate vg-0/vol-1.recv
mke2fs -q -t ext4 /dev/vg-0/vol-1.recv
for bytes in $((48 << 20)) $(((44 << 20) + 1)) $((20 << 20)) $((20 << 20)); do
  platform-probe resize vg-0/vol-1.recv "$bytes"
  expect_same $(((bytes + (4 << 20) - 1) / (4 << 20) * (4 << 20))) "$(lvm_field vg-0/vol-1.recv lv_size)" size
done
expect_same ext4 "$(blkid -o value -s TYPE /dev/vg-0/vol-1.recv)" "the file system"

# ---- removal: only of inactive volumes ----
expect_rc 1 platform-probe remove vg-0/vol-1.recv
platform-probe deactivate vg-0/vol-1.recv
platform-probe remove vg-0/vol-1.recv
expect_same none "$(platform-probe find vg-0/vol-1.recv)" "a removed volume"

# ---- an empty thin volume ----
platform-probe create vg-0/my-pool new $(((6 << 20) + 1)) skip bsr.target=new
expect_same "8388608 01" "$(field vg-0/new size) $(field vg-0/new active)$(field vg-0/new skip)" "a new volume"
expect_same bsr.target=new "$(lvm_field vg-0/new lv_tags)" tags

# ---- the pool's status, and who may look ----
expect_same "$(pool_status vg-0/my-pool | cut -d' ' -f1-4)" "$(platform-probe status vg-0/my-pool | cut -d' ' -f1-4)" status
expect_same "mode=0 discards=2 error_if_no_space=0 needs_check=0" \
  "$(platform-probe status vg-0/my-pool | cut -d' ' -f5-)" status
expect_same "/dev/mapper/vg--0-my--pool_tmeta 1" "$(platform-probe readable vg-0/my-pool)" "metadata device"
expect_rc 1 platform-probe status vg-0/none
[[ $OUTPUT == *'there is no device-mapper device vg--0-none-tpool'* ]] || fail "said: $OUTPUT"

chmod 755 /
as_nobody() { busybox su -s /bin/bash nobody -c "PATH=$PATH $*"; }
for command in "find vg-0/vol-1" "status vg-0/my-pool" "activate vg-0/new" "hold vg-0/my-pool 0 0"; do
  expect_rc 1 as_nobody platform-probe "$command"
  [[ $OUTPUT == *"run this as root"* ]] || fail "said: $OUTPUT"
done
