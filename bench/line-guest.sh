#!/bin/bash
# What `bench/run line` runs between two machines of the lab: a change over a line with 100 ms of round trip, and how much
# of the line is used. $BENCH_LINE_MBIT and $BENCH_LINE_MIB say how fast it is and how large the change is. Each run begins
# with the same volume at dr. With the original at hand, also by that.
set -euo pipefail
# shellcheck source=tests/lab/guest-lib.sh
. /lab/lib.sh
# shellcheck source=bench/measure.sh
. /usr/local/bin/measure.sh
cd /tmp

mib=$BENCH_LINE_MIB mbit=$BENCH_LINE_MBIT
original=''
if [[ -x /usr/local/bin/thin_send_recv ]]; then
  original=yes
  name_original() {
    mkdir -p /lab/original
    ln -s /usr/local/bin/thin_send_recv /lab/original/thin_send  # the name is the mode
    ln -s /usr/local/bin/thin_send_recv /lab/original/thin_recv
  }
  name_original
  PATH=$PATH:/lab/original
fi
line() {
  modprobe sch_netem
  tc qdisc add dev eth0 root netem delay 50ms rate "$1mbit" limit 10000
}

lab-wait-ssh dr
[[ -z $original ]] || on dr "$(declare -f name_original); name_original"
make_pool vg /dev/vda pool 64k
on dr make_pool vg /dev/vda pool 64k
thin_volume vg/pool data "${mib}M"
write_random vg/data 0 $((mib * 1024)) 1
snapshot vg/data s1
base=$(uuid vg/s1)
on dr thin_volume vg/pool first "${mib}M"
lvchange -qq -K -ay vg/s1
bsr-send vg/s1 | ssh dr bsr-recv /dev/vg/first > /dev/null
for ((chunk = 0; chunk < mib * 16; chunk++)); do write_random vg/data $((chunk * 64 + 20)) 1 2; done
snapshot vg/data pages
write_random vg/data 0 $((mib * 1024)) 3
snapshot vg/data all

# Runs that differ in what they send and in who sends it.
bytes_sent() { cat /sys/class/net/eth0/statistics/tx_bytes; }
by_us() { bsr-send -i vg/s1 "vg/$1" | ssh dr bsr-recv --base "$base" /dev/vg/copy > /dev/null; }
by_them() { thin_send vg/s1 "vg/$1" | zstd -3 -q | ssh dr 'zstd -dq | PATH=$PATH:/lab/original thin_recv vg/copy'; }
measure() { # WHO SNAPSHOT
  local start bytes
  on dr 'if lvs vg/copy &> /dev/null; then lvremove -qq -y vg/copy; fi; lvcreate -qq -y -kn -s vg/first -n copy; sync'
  bytes=$(bytes_sent) start=${EPOCHREALTIME/./}
  "$1" "$2"
  echo "$(((${EPOCHREALTIME/./} - start) / 1000)) $(($(bytes_sent) - bytes))" >> "$1-$2"
}
# report WHO SNAPSHOT COMMAND
report() {
  local time bytes
  time=$(cut -d' ' -f1 "$1-$2" | median) bytes=$(cut -d' ' -f2 "$1-$2" | median)
  printf '  %8s ms (%s), %s bytes sent, %s %% of the line  %s\n' "$time" "$(cut -d' ' -f1 "$1-$2" | sort -n | xargs)" "$bytes" \
    "$(awk -v b="$bytes" -v t="$time" -v m="$mbit" 'BEGIN {printf "%.1f", b * 8 / (t / 1000) / (m * 1e6) * 100}')" "$3"
}

on dr "$(declare -f line); line $mbit"
line "$mbit"
for ((round = 0; round < BENCH_RUNS; round++)); do
  for snapshot in all pages; do
    measure by_us $snapshot
    expect_same "$(sum "vg/$snapshot")" "$(on dr sum vg/copy)" "the copy"
    [[ -z $original ]] || measure by_them $snapshot
  done
done
for snapshot in all pages; do
  if [[ $snapshot == all ]]; then what='new content everywhere'; else what='1 KiB changed in each chunk of 64 KiB'; fi
  echo "$mib MiB, $what; $mbit Mbit/s and 100 ms, medians of $BENCH_RUNS runs"
  [[ -z $original ]] || report by_them $snapshot "thin_send s1 $snapshot | zstd -3 | ssh dr 'zstd -d | thin_recv copy'"
  report by_us $snapshot "bsr-send -i s1 $snapshot | ssh dr bsr-recv --base UUID copy"
done
