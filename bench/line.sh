# shellcheck shell=bash disable=SC2154
# The part `line` of bench/run: a change over a slow line between two network namespaces, by ssh, and how much of the line is used.
# Sourced by bench/run, which sets bench and bin, never run.

# start_line MBIT: two namespaces, and an ssh server in the second; ends with the shell that called it.
start_line() {
  local config=$PWD/sshd_config
  here=bsr-bench-$BASHPID-primary there=bsr-bench-$BASHPID-dr
  trap 'stop_line' EXIT
  ip netns add "$here"
  ip netns add "$there"
  coproc LINE { exec "$bench/slow-line" "$here" "$there" "$1" 50; }
  read -r <&"${LINE[0]}"
  ssh-keygen -q -t ed25519 -N '' -f key
  cat > "$config" << END
ListenAddress 10.77.0.2
HostKey $PWD/key
AuthorizedKeysFile $PWD/key.pub
StrictModes no
PermitRootLogin prohibit-password
PidFile none
END
  mkdir -p /run/sshd
  ip netns exec "$there" /usr/sbin/sshd -D -e -f "$config" 2> sshd.log &
  server=$!
  until on_dr true 2> /dev/null; do kill -0 $server || { cat sshd.log >&2; return 1; }; done
}
stop_line() {
  kill ${server:+"$server"} ${LINE_PID:+"$LINE_PID"} || true
  wait
  ip netns delete "$here"
  ip netns delete "$there"
}
on_dr() {
  ip netns exec "$here" ssh -F none -i key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR 10.77.0.2 \
    "cd $PWD && PATH=$PATH && $1"
}

line_by_us() { "$bin/bsr-send" --metadata metadata --data data --size $((size << 20)) -i 1 "$1" | on_dr "$bin/bsr-recv --base image:1.0.1 ./copy" > /dev/null; }
line_by_them() { PATH=$PWD/original:$PATH thin_send 1.img "$1.img" | zstd -3 -q | on_dr "PATH=$PWD/original:$PATH; zstd -dq | thin_recv copy"; }
line_by_login() { on_dr true; }
line_bytes() { ip netns exec "$here" cat /sys/class/net/line/statistics/tx_bytes; }

# line_measure WHO SNAPSHOT: milliseconds and bytes of IP packets into the file WHO-SNAPSHOT
line_measure() {
  local start bytes
  bytes=$(line_bytes) start=${EPOCHREALTIME/./}
  "line_by_$1" "$2"
  echo "$(((${EPOCHREALTIME/./} - start) / 1000)) $(($(line_bytes) - bytes))" >> "$1-$2"
}
# line_report WHO SNAPSHOT COMMAND
line_report() {
  local time bytes login
  time=$(cut -d' ' -f1 "$1-$2" | median) bytes=$(cut -d' ' -f2 "$1-$2" | median) login=$(cut -d' ' -f1 login-1 | median)
  printf '  %8s ms (%s), %s bytes sent, %s of the line  %s\n' "$time" "$(cut -d' ' -f1 "$1-$2" | sort -n | xargs)" "$bytes" \
    "$(awk -v b="$bytes" -v t="$time" -v l="$login" -v m="$mbit" '
      BEGIN {used = b * 8 / (m * 1e3); printf "%.1f %%, without the login %.1f %%", used / t * 100, used / (t - l) * 100}')" "$3"
}

line() (
  mbit=${BENCH_LINE_MBIT:-100} size=${BENCH_LINE_MIB:-200}
  echo "== line: $mbit Mbit/s and 100 ms of round trip"
  head -c "${size}M" /dev/urandom > 1.img
  head -c "${size}M" /dev/urandom > 2.img
  cp 1.img 3.img
  for ((chunk = 0; chunk < size * 16; chunk++)); do
    dd if=/dev/urandom of=3.img bs=1k count=1 seek=$((chunk * 64 + 20)) conv=notrunc status=none
  done
  make_pool 64 1.img 2.img 3.img
  whos=(us)
  if [[ -n ${BSR_THIN_SEND_RECV:-} ]]; then
    answer_original "$PWD" "$BSR_THIN_SEND_RECV" 1.img 2.img 3.img
    whos=(them us)
  fi
  start_line "$mbit"
  for ((round = 0; round < BENCH_RUNS; round++)); do
    for snapshot in 2 3; do
      for who in "${whos[@]}"; do
        cp 1.img copy
        sync copy
        line_measure "$who" $snapshot
        cmp copy $snapshot.img
      done
    done
    line_measure login 1
  done
  echo "login (ssh dr true): $(cut -d' ' -f1 login-1 | median) ms, median of $BENCH_RUNS runs"
  for snapshot in 2 3; do
    if ((snapshot == 2)); then what='new content everywhere'; else what='1 KiB changed in each chunk of 64 KiB'; fi
    echo "$size MiB, $what, medians of $BENCH_RUNS runs"
    [[ ! -e them-$snapshot ]] ||
      line_report them $snapshot "thin_send 1 $snapshot | zstd -3 | ssh dr 'zstd -d | thin_recv copy'"
    line_report us $snapshot "bsr-send -i 1 $snapshot | ssh dr bsr-recv --base ID ./copy"
  done
  echo 'the copies are identical'
)
