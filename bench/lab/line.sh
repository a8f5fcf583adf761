#!/bin/bash
# lab: pair disks=640M timeout=2400
# What `bench/run lab-line` runs: 200 MiB of new content from a thin volume of one machine to one of the other, over a line of
# 100 Mbit/s and 100 ms of round trip, by ssh; how full the line is from the first to the last mebibyte on it. The original takes
# part if it is there. A processor that is busy all the time is slower than the line, whatever ran on it.
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

# busy BEFORE AFTER: per cent of the time between these first lines of /proc/stat in which the processor was not idle
busy() {
  printf '%s\n' "$1" "$2" |
    awk '{idle[NR] = $5 + $6; for (i = 2; i <= 9; i++) all[NR] += $i} END {printf "%.0f", 100 - 100 * (idle[2] - idle[1]) / (all[2] - all[1])}'
}

# measure_line NAME COMMAND: prints what the command made of the line
measure_line() {
  local ours theirs start took watcher
  fresh_copy
  theirs=$(on dr head -n 1 /proc/stat)
  ours=$(head -n 1 /proc/stat)
  watch_line > seen &
  watcher=$!
  start=${EPOCHREALTIME/./}
  bash -c "set -euo pipefail; $2" > /dev/null
  took=$(((${EPOCHREALTIME/./} - start) / 1000))
  kill "$watcher"
  ours=$(busy "$ours" "$(head -n 1 /proc/stat)")
  theirs=$(busy "$theirs" "$(on dr head -n 1 /proc/stat)")
  awk -v took="$took" -v ours="$ours" -v theirs="$theirs" -v name="$1" '
    {time[NR] = $1; bytes[NR] = $2}
    END {
      for (first = 1; bytes[first] < bytes[1] + 2 ^ 20; first++);
      for (last = NR; bytes[last] > bytes[NR] - 2 ^ 20; last--);
      printf "  %6d ms, %9d bytes sent, %.1f %% of the line, processors busy %d and %d %%  %s\n", took, bytes[NR] - bytes[1],
        (bytes[last] - bytes[first]) / (time[last] - time[first]) / 125000, ours, theirs, name
    }' seen
  # shellcheck disable=SC2016
  expect_same "$(sum vg/s1)" "$(on dr 'sum vg/copy')" 'the copy'
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
base=$(uuid vg/s0)
on dr "$(declare -f slow_line); slow_line"
slow_line
receive="ssh dr bsr-recv --base '$base' /dev/vg/copy"
names=('bsr' 'bsr, no compression, no patches')
commands=("bsr-send -i vg/s0 vg/s1 | $receive" "bsr-send --compress none --patch never -i vg/s0 vg/s1 | $receive")
if original=$(type -P thin_send_recv); then
  ln -s "$original" thin_send  # the name is the mode
  on dr "ln -s '$original' thin_recv"
  PATH=$PATH:$PWD
  names+=('thin_send | zstd -3 | ssh | zstd -d | thin_recv, which does not flush')
  commands+=("thin_send vg/s0 vg/s1 | zstd -q -3 | ssh dr \"zstd -q -d | $PWD/thin_recv vg/copy\"")
fi
for ((round = 0; round < BSR_ROUNDS; round++)); do
  for i in "${!names[@]}"; do measure_line "${names[i]}" "${commands[i]}"; done
done
