#!/bin/bash
# lab: pair disks=640M timeout=1200
# What `bench/run lab-line` runs: 200 MiB of new content from a thin volume of one machine to one of the other, over a line of
# 100 Mbit/s and 100 ms of round trip, by ssh; how full the line is from the first to the last mebibyte on it.
set -euo pipefail
# shellcheck source=tests/lab/guest-lib.sh
. /lab/lib.sh

# slow_line: of this node.
slow_line() {
  modprobe sch_netem
  echo 16777216 | tee /proc/sys/net/core/wmem_max > /proc/sys/net/core/rmem_max
  tc qdisc add dev eth0 root netem delay 50ms rate 100mbit limit 4000
}

# fresh_copy: the base, in a new volume of dr.
fresh_copy() {
  on dr 'if lvs vg/copy > /dev/null 2>&1; then lvremove -qq -y vg/copy; fi; thin_volume vg/pool copy 256M'
  bsr-send vg/s0 | ssh dr bsr-recv /dev/vg/copy > /dev/null
}

# watch_line: time and bytes sent, four times a second.
watch_line() {
  while :; do
    echo "$EPOCHREALTIME $(< /sys/class/net/eth0/statistics/tx_bytes)"
    sleep 0.25
  done
}

lab-wait-ssh dr
make_pool vg /dev/vda pool 64k -L 500M
on dr make_pool vg /dev/vda pool 64k -L 500M
thin_volume vg/pool data 256M
write_random vg/data 0 4096 1
snapshot vg/data s0
write_random vg/data 4096 $((200 * 1024)) 2
snapshot vg/data s1
lvchange -qq -K -ay vg/s0
lvchange -qq -K -ay vg/s1
fresh_copy
base=$(uuid vg/s0)
on dr "$(declare -f slow_line); slow_line"
slow_line
for options in '--compress none --patch never' '' '--compress none --patch never' ''; do
  watch_line > seen &
  watcher=$!
  start=${EPOCHREALTIME/./}
  # shellcheck disable=SC2086
  bsr-send $options -i vg/s0 vg/s1 | ssh dr bsr-recv --base "$base" /dev/vg/copy > /dev/null
  took=$(((${EPOCHREALTIME/./} - start) / 1000))
  kill "$watcher"
  awk -v took="$took" -v name="bsr-send $options" '
    {time[NR] = $1; bytes[NR] = $2}
    END {
      for (first = 1; bytes[first] < bytes[1] + 2 ^ 20; first++);
      for (last = NR; bytes[last] > bytes[NR] - 2 ^ 20; last--);
      printf "  %6d ms in all, %9d bytes sent, %.1f %% of the line  %s\n", took, bytes[NR] - bytes[1],
        (bytes[last] - bytes[first]) / (time[last] - time[first]) / 125000, name
    }' seen
  # shellcheck disable=SC2016
  expect_same "$(sum vg/s1)" "$(on dr 'sum vg/copy')" 'the copy'
  fresh_copy
done
