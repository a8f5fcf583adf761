# shellcheck shell=bash
# How bench/ measures: commands that alternate, so that load hits all of them, and their medians. Sourced, never run.
# Runs are $BENCH_RUNS.

# spent COMMAND: wall and processor time of a shell command in seconds; what it prints is lost unless it fails
spent() {
  local TIMEFORMAT='%3R %3U %3S'
  { time bash -c "set -euo pipefail; $1" > /dev/null 2> errors; } 2> timed || { cat errors >&2; return 1; }
  awk '{print $1, $2 + $3}' timed
}
milliseconds() { spent "$1" | awk '{printf "%.0f\n", $1 * 1000}'; }
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

# compare TITLE BEFORE THEIRS NAME COMMAND [NAME COMMAND]...: runs the commands in turn, BEFORE untimed ahead of each;
# prints the medians of wall and processor time and the ratio of the first to that of the command named THEIRS
compare() {
  local title=$1 before=$2 theirs=$3 round name times processor names=()
  local -A command=() median=()
  shift 3
  while (($#)); do
    names+=("$1")
    command[$1]=$2
    : > "times-${#names[@]}"
    shift 2
  done
  for ((round = 0; round < BENCH_RUNS; round++)); do
    times=0
    for name in "${names[@]}"; do
      times=$((times + 1))
      bash -c "set -euo pipefail; $before"
      spent "${command[$name]}" >> "times-$times"
    done
  done
  times=0
  for name in "${names[@]}"; do
    times=$((times + 1))
    median[$name]=$(cut -d' ' -f1 "times-$times" | median)
  done
  times=0
  echo "$title, medians of $BENCH_RUNS runs"
  for name in "${names[@]}"; do
    times=$((times + 1))
    processor=$(cut -d' ' -f2 "times-$times" | median)
    awk -v a="${median[$name]}" -v b="${median[$theirs]}" -v processor="$processor" -v gib="${COMPARED_GIB:-0}" -v name="$name" '
      BEGIN { printf "  %8.0f ms, ratio %.2f, CPU %.2f s%s  %s\n", a * 1000, a / b, processor, gib ? sprintf(", %.2f s/GiB", processor / gib) : "", name }'
    echo "      ${command[$name]}"
  done
}

# costs TITLE BEFORE NAME COMMAND [NAME COMMAND]...: runs the commands, which are words without quotes, in turn, BEFORE
# ahead of each; prints what they cost: median, smallest and largest wall time, the median of the CPU time (with that of
# time(1), about 1 ms), peak resident memory, and how much was read from the disk, which is everything with direct I/O.
# The median wall times, in milliseconds, are in COST by name afterwards.
costs() {
  local title=$1 before=$2 round start command=() name=() i TIMEFORMAT='%3U %3S'
  shift 2
  for ((i = 0; $#; i++)); do
    name[i]=$1 command[i]=$2
    : > "costs-$i"
    shift 2
  done
  for ((round = 0; round < BENCH_RUNS; round++)); do
    for i in "${!name[@]}"; do
      bash -c "set -euo pipefail; $before" > /dev/null
      start=${EPOCHREALTIME/./}
      # shellcheck disable=SC2086
      { time /usr/bin/time -q -o usage -f '%M %I' ${command[i]} > output 2> errors; } 2> cpu || { cat errors >&2; return 1; }
      echo "$((${EPOCHREALTIME/./} - start)) $(< cpu) $(tail -n 1 usage)" >> "costs-$i"
    done
  done
  echo "$title, medians of $BENCH_RUNS runs"
  declare -gA COST=()
  for i in "${!name[@]}"; do
    # shellcheck disable=SC2034  # for who sources this
    COST[${name[i]}]=$(awk '{print $1 / 1000}' "costs-$i" | median)
    sort -n "costs-$i" | awk -v cpu="$(awk '{print $2 + $3}' "costs-$i" | median)" -v name="${name[i]}" -v command="${command[i]}" '
      {wall[NR] = $1 / 1000; if ($4 > peak) peak = $4; blocks[NR] = $5 / 8}
      END {
        middle = int((NR + 1) / 2)
        printf "  %8.1f ms (%.1f to %.1f), CPU %.3f s, peak %.1f MiB, %d blocks of 4 KiB read  %s\n      %s\n",
          wall[middle], wall[1], wall[NR], cpu, peak / 1024, blocks[middle], name, command
      }'
  done
}
