#!/bin/bash
# lab: solo disks=128M timeout=200 programs=hostile-sender,bounded
# Streams that claim much, into a managed target: refused before anything is made, in bounded time, and what is there stays
# as it is. The program test of the same name has the other claims, into files.
set -euo pipefail
. /lab/lib.sh

make_pool vg /dev/vda pool 64k -L 64M

# refused ID PATTERN SENDER_ARG... -- RECV_ARG...
refused() {
  local id=$1 pattern=$2 status=0 start=$SECONDS before sender=()
  shift 2
  while [[ $1 != -- ]]; do sender+=("$1") && shift; done
  shift
  before=$(lvs --noheadings -o lv_name,lv_uuid,lv_size,lv_tags vg; ls -A /var/lib/bsr 2> /dev/null || true)
  hostile-sender "${sender[@]}" 2> /dev/null | timeout 60 bounded 256 bsr-recv --stall-timeout 1 "$@" > out 2> err || status=$?
  expect_same "$id" "$status" "status of ${sender[*]} ($(< err))"
  grep -Eq -e "$pattern" err || fail "no \"$pattern\" in: $(< err)"
  ((SECONDS - start <= 30)) || fail "it took $((SECONDS - start)) s"
  expect_same "$before" "$(lvs --noheadings -o lv_name,lv_uuid,lv_size,lv_tags vg; ls -A /var/lib/bsr 2> /dev/null || true)" "what LVM and the records say"
}

exbi4=4611686018427387904 pebi8=9007199254740992
# First streams: of a size that no volume in such a pool can mean, and of more content than the pool has.
refused 15 'more than 1024 times' nothing $exbi4 -- --pool vg/pool vg/data
refused 15 'more than 1024 times' nothing $pebi8 -- --pool vg/pool vg/data
refused 15 'holds 64.0 MiB' all-zeros $((1 << 30)) -- --pool vg/pool vg/data

# A target with one generation, and changes of it.
hostile-sender most-pieces $((8 << 20)) | bsr-recv --pool vg/pool vg/data > said
held=$(newest_generation vg/data)
sum=$(sum "$held")
base=$(lvs --noheadings -o lv_tags "$held" | sed -nE 's/.*bsr\.uuid=([^,]*).*/\1/p')
expect_same hostile "$base" "identity"
refused 15 'more than 1024 times' nothing $exbi4 hostile $((8 << 20)) -- vg/data
refused 15 'more than 1024 times' nothing $pebi8 hostile $((8 << 20)) -- vg/data
# What it may have: nothing is written for it, and nothing is read.
used=$(lvs --noheadings -o data_percent vg/pool)
start=$SECONDS
hostile-sender nothing $((60 << 30)) hostile $((8 << 20)) | timeout 60 bounded 256 bsr-recv vg/data > said
((SECONDS - start <= 30)) || fail "it took $((SECONDS - start)) s"
expect_same 'committed hostile-change' "$(< said)" answer
expect_same "$used" "$(lvs --noheadings -o data_percent vg/pool)" "what the pool holds"
expect_same "$sum" "$(sum "$(newest_generation vg/data)" $((8 << 20)))" "content of what was there before"
expect_same "$sum" "$(sum "$held")" "content of $held"
