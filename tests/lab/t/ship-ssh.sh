#!/bin/bash
# lab: pair disks=128M timeout=300
# What an administrator does: first everything, then the changes, through ssh to the other site; a
# cable that is pulled in the middle costs that transfer and nothing else.
set -euo pipefail
. /lab/lib.sh

lab-wait-ssh dr
make_pool vg /dev/vda pool 64k -L 64M
on dr make_pool vg /dev/vda pool 64k -L 64M
thin_volume vg/pool data 32M
write_random vg/data 0 4096 1
snapshot vg/data mon
write_random vg/data 2048 4096 2
discard vg/data 0 512
snapshot vg/data tue

sum_on_dr() {
  # shellcheck disable=SC2016
  on dr 'sum "$(newest_generation vg/data)"'
}

bsr-send vg/mon | ssh dr bsr-recv --pool vg/pool vg/data
expect_same "$(sum vg/mon)" "$(sum_on_dr)" "the first generation"

cut_cable() {
  local status
  { bsr-send -i vg/mon vg/tue && touch sent; } | {
    head -c 1M
    lab-ctl link dr off > answer
    cat
  } | ssh -o ServerAliveInterval=1 -o ServerAliveCountMax=3 dr bsr-recv vg/data
  status=${PIPESTATUS[2]}
  lab-ctl link dr on
  return "$status"
}
expect_rc 255 cut_cable
lab-wait-ssh dr
if active vg/tue; then fail "the sender left its snapshot active"; fi
expect_same 1 "$(on dr "generations vg/data | wc -l")" "number of generations"

# The receiver of the cut connection may still wait for its rest; sshd ends it, or we do.
ssh dr 'pkill -TERM -x bsr-recv; while pgrep -r R,S,D -x bsr-recv > /dev/null; do sleep 0.1; done'
token=$(ssh dr bsr-recv -t vg/data)
what=(-i vg/mon vg/tue)
if [[ -n $token ]]; then what=(-t "$token"); fi
bsr-send "${what[@]}" | ssh dr bsr-recv vg/data
expect_same "$(sum vg/tue)" "$(sum_on_dr)" "the second generation"
