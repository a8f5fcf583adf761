#!/bin/bash
# lab: solo disks=96M,96M timeout=120
# What an administrator's lvm.conf says of reports and messages reaches no program of ours: units, suffixes, headings,
# columns, prefixes, names of commands, verbosity; a first transfer is cut and continued, and a change follows.
set -euo pipefail
. /lab/lib.sh

make_pool src /dev/vda pool 64k -L 48M
make_pool dst /dev/vdb pool 64k -L 48M
thin_volume src/pool vol 4M
write_random src/vol 0 2048 1
snapshot src/vol s0
write_random src/vol 100 8 2
snapshot src/vol s1
cp /etc/lvm/lvm.conf plain.conf
number=0
for settings in 'global { units = "s" suffix = 0 si_unit_consistency = 0 }' \
  'report { headings = 0 prefixes = 1 quoted = 0 buffered = 0 aligned = 0 separator = "," columns_as_rows = 1 }' \
  'report { output_format = "json" compact_output = 1 lvs_cols = "lv_name" time_format = "%s" binary_values_as_numeric = 1 }' \
  'log { verbose = 3 prefix = "{ " command_names = 1 indent = 0 report_command_log = 1 }'; do
  number=$((number + 1))
  echo "== $settings"
  { cat plain.conf && echo "$settings"; } > /etc/lvm/lvm.conf
  bsr-send src/s0 > full
  head -c 300000 full > cut.bsr
  status=0
  receive_from cut.bsr --pool dst/pool dst/copy$number 2> said || status=$?
  ((status == 11)) || fail "cut: $status: $(< said)"
  token=$(bsr-recv -t dst/copy$number)
  [[ $token ]] || fail "no token: $(< said)"
  bsr-send -t "$token" | bsr-recv dst/copy$number
  bsr-send -i src/s0 src/s1 | bsr-recv dst/copy$number
  cp plain.conf /etc/lvm/lvm.conf
  expect_equal src/s1 "$(newest_generation dst/copy$number)"
  expect_same 2 "$(generations dst/copy$number | wc -l)" "generations"
done
