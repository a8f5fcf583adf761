#!/bin/bash
# lab: pair disks=768M timeout=400
# A slow line: 100 ms round trip, 20 Mbit/s, 1 % loss. The transfer is cut again and again, by the death of its ssh or with
# the cable, and continued with the token. It arrives whole, and all that the sender wrote is at most 5 % more than the
# stream. BSR_ROUNDS is the number of cuts, one for each 64 MiB, because each loses up to 256 KiB, the piece that was not
# complete, and what was on its way: as much as ssh's window, 2 MiB, which ssh fills from the pipe even where the line is slow.
set -euo pipefail
. /lab/lib.sh

seed=${BSR_SEED:-$RANDOM}
echo "seed $seed"
RANDOM=$seed
cuts=${BSR_ROUNDS:-1}
mib=$((64 * cuts))

# slow_line: of this node. Only BBR is not stopped by that loss; the socket holds no more than is under way.
slow_line() {
  modprobe -a tcp_bbr sch_netem
  echo bbr > /proc/sys/net/ipv4/tcp_congestion_control
  echo 65536 > /proc/sys/net/ipv4/tcp_notsent_lowat
  tc qdisc add dev eth0 root netem delay 50ms loss 1% rate 20mbit limit 1000
}

lab-wait-ssh dr
make_pool vg /dev/vda pool 64k -L $((mib + 16))M
on dr make_pool vg /dev/vda pool 64k -L $((mib + 16))M
thin_volume vg/pool data "${mib}M"
write_random vg/data 0 $((mib * 1024)) 1
snapshot vg/data s0
lvchange -qq -K -ay vg/s0
SEND=(bsr-send --compress none)
whole=$("${SEND[@]}" vg/s0 | wc -c)
on dr "$(declare -f slow_line); slow_line"
slow_line
mkfifo stream

# connect: a receiver for the stream; the process id of its ssh is in `connection`.
connect() {
  ssh -o ServerAliveInterval=2 -o ServerAliveCountMax=5 dr bsr-recv --pool vg/pool vg/data < stream > answer 2> said &
  connection=$!
}

# start ARG...: a session; the process id of the sender is in `sender`.
start() {
  connect
  "${SEND[@]}" "$@" 2> sender-said > stream &
  sender=$!
}

# What the sender wrote; its few words and its plan are counted too.
written() { sed -n 's/^wchar: //p' "/proc/$sender/io" 2> /dev/null || echo 0; }

# cut_behind BYTES WAY: when the sender has written them.
cut_behind() {
  until (($(written) >= $1)); do
    kill -0 "$sender" 2> /dev/null || fail "it ended early: $(< sender-said) $(< said)"
    sleep 0.05
  done
  kill -STOP "$sender"
  if [[ $2 == cable ]]; then lab-ctl link dr off > switched; else kill -9 "$connection"; fi
  wrote=$(written)
  wait "$connection" || true
  kill -CONT "$sender"
  expect_rc 16 wait "$sender"
  if [[ $2 == cable ]]; then
    lab-ctl link dr on > switched
    lab-wait-ssh dr
    ssh dr pkill -TERM -x bsr-recv || true  # it would wait for the rest
  fi
  ssh dr 'while pgrep -r R,S,D -x bsr-recv > /dev/null; do sleep 0.1; done'
}

what=(vg/s0) all=0
SECONDS=0
for ((cut = 0; cut < cuts; cut++)); do
  way=cable
  if ((cut % 2)); then way=ssh; fi
  start "${what[@]}"
  cut_behind $((whole * (80 + RANDOM % 40) / 100 / (cuts + 1))) $way
  all=$((all + wrote))
  token=$(ssh dr bsr-recv -t vg/data)
  [[ -n $token ]] || fail "no token after cut $cut: $(< said)"
  what=(-t "$token")
  echo "$SECONDS s: $way cut behind $((wrote / 1024)) KiB, $((all / 1024)) in all;" \
    "continues at $(bsr-send -n -v -t "$token" 2>&1 | sed -n 's/.*continued at \([^:]*\):.*/\1/p')"
done
connect
"${SEND[@]}" "${what[@]}" | tee >(wc -c > last) > stream || fail "the last session: $(< said)"
wait "$connection"
[[ $(< answer) == 'committed '* ]] || fail "the answer: $(< answer) $(< said)"
until [[ -s last ]]; do sleep 0.1; done
all=$((all + $(< last)))
lvchange -qq -an vg/s0
more=$(((all - whole) * 10000 / whole))
echo "$SECONDS s: $all bytes for a stream of $whole, $((more / 100)).$((more / 10 % 10)) % more"
# shellcheck disable=SC2016
expect_same "$(sum vg/s0)" "$(on dr 'sum "$(newest_generation vg/data)"')" "the generation"
expect_same '' "$(ssh dr bsr-recv -t vg/data)" "a token"
((all <= whole * 105 / 100)) || fail "more than 5 % was sent twice"
