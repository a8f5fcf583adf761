#!/bin/bash
# --help, --version, and arguments that are wrong.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 128K v1
write_random v1 0 128 1
make_pool 64 v1
send_to full 1

for program in bsr-send bsr-recv bsr-stream; do
  for option in --help -h --version; do
    $program $option > out 2> err < full || fail "$program $option: status $?"
    [[ -s out && ! -s err ]] || fail "$program $option: not on standard output only"
  done
  expect_same 1 "$($program --version | wc -l)" "lines of $program --version"
  expect_rc usage "$program"
  expect_says "^$program: .*--help"
  expect_rc usage "$program" --no-such-option x
  expect_says "^$program: " --help
  if [[ $program != bsr-stream ]]; then expect_says --no-such-option; fi
  (($(wc -l <<< "$OUTPUT") == 1)) || fail "more than a line: $OUTPUT"
done
for command in dump verify; do
  expect_rc ok bsr-stream $command --help
  expect_says "$command"
  expect_rc usage bsr-stream $command --no-such-option
  expect_rc usage bsr-stream $command full full
done
for command in merge token; do
  expect_rc ok bsr-stream $command --help
  expect_says "$command"
  expect_rc usage bsr-stream $command
  expect_rc usage bsr-stream $command --no-such-option full full
done
expect_rc usage bsr-stream merge full
expect_rc usage bsr-stream merge --json full full
expect_rc usage bsr-stream token x y
expect_rc usage bsr-stream dumb full
expect_rc usage bsr-stream verify --json full
expect_rc failed bsr-stream verify none
expect_says 'none: '
expect_rc failed bsr-stream dump none

# -F, with a hint; before anything is read.
cp v1 target
expect_refused usage target receive_from full target -F
expect_advice "-F: "
expect_refused usage target receive_from full vg/volume -F

# Options that do not go together, or not with these names.
expect_refused usage target receive_from full target --pool vg/pool
expect_says '--pool'
expect_refused usage target receive_from full vg/volume --base x
expect_refused usage target receive_from full vg/volume --legacy-as full
expect_refused usage target receive_from full target extra
expect_refused usage target receive_from full target --legacy-as something
expect_says full delta
expect_refused usage target bsr-send --size 131072 vg/volume
expect_says '--size'
expect_refused usage target bsr-send volume
expect_advice volume
expect_refused usage target bsr-send "${POOL[@]}" 1 1
expect_refused usage target bsr-send "${POOL[@]}" -i 1
expect_refused usage target bsr-send "${POOL[@]}" --json-fd x 1
expect_refused usage target bsr-send "${POOL[@]}" --json-fd -1 1
expect_refused usage target bsr-send "${POOL[@]}" --format thin-2 1
expect_says bsr-1 thin-1.0 thin-1.1

# Targets that are neither a file nor a device; names that look like a volume group but are a folder here.
mkdir folder
expect_rc failed receive_from full ./folder
expect_says folder
expect_rc usage receive_from full /dev/null
expect_says /dev/null
mkfifo fifo
expect_rc usage receive_from full ./fifo
expect_says fifo
expect_rc failed receive_from full ./folder/none/x
expect_says folder/none/x
expect_refused failed ./folder/disk.img receive_from full folder/disk.img

# What people do wrong every day: a variable that is not set, a file in a folder without ./ before it, a word that is
# not in a list.
expect_says '\./folder/disk.img'
status=0
receive_from full '' 2> err || status=$?
((status == EXIT_STATUS[usage])) || complain "an empty name of a target: status $status, $(< err)"
expect_rc usage bsr-send "${POOL[@]}" --format thin-2 1
[[ $OUTPUT != *'->'* ]] || complain "what is this: $OUTPUT"
# "at most 2^63 - 1": a size that no reader takes.
status=0
bsr-send "${POOL[@]}" --size 9223372036854775808 -n 1 2> err || status=$?
((status == EXIT_STATUS[usage])) || complain "--size 2^63: status $status, $(< err)"
