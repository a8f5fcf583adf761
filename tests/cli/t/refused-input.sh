#!/bin/bash
# What is not a whole stream: refused, and the target is as before.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 512K v1
write_random v1 0 300 1
cp v1 v2
write_random v2 100 30 2
make_pool 64 v1 v2
send_to full 1 --size 524288
send_to delta -i 1 2 --size 524288
mkdir to
cp v2 ./to/old

# refused ID FILE [OPTION...]: by the receiver into a missing file and a file that exists, and by the checker. The
# streams here are wrong where they begin or end early, so even a file that exists must be as before.
refused() {
  local id=$1 file=$2
  shift 2
  expect_refused "$id" ./to/missing receive_from "$file" ./to/missing "$@"
  expect_refused "$id" ./to/old receive_from "$file" ./to/old "$@"
  expect_refused "$id" ./to/old receive_from "$file" ./to/old -n "$@"
  expect_refused "$id" ./to/old receive_from "$file" ./to/old --json "$@"
  expect_refused "$id" ./to/old receive_from "$file" ./to/old --base some "$@"
  expect_rc "$id" bsr-stream verify "$file"
}

: > empty
refused truncated empty
echo 'ssh: connect to host primary port 22: No route to host' > text
refused corrupt text
head -c 100000 /dev/zero > zeros
refused corrupt zeros
cp v1 random
refused corrupt random
gzip -c full > full.gz
refused corrupt full.gz
{ echo 'Last login: today'; cat full; } > motd
refused corrupt motd
[[ $OUTPUT == *'begins with "Last login: today\nBSR1'* && $OUTPUT == *'~/.bashrc'* ]] || fail "it says: $OUTPUT"
expect_refused corrupt ./to/old receive_from motd ./to/old
[[ $OUTPUT != *'send it again'* ]] || fail "it says: $OUTPUT"
# shellcheck disable=SC1003  # a backslash
printf 'a\033[31m\n"\\' > control
refused corrupt control
[[ $OUTPUT == *'begins with "a\x1b[31m\n\x22\x5c"'* ]] || fail "it says: $OUTPUT"
head -c 40 full > header
refused truncated header
tail -c +513 full > headless
refused corrupt headless

# Behind END: even one byte, a second stream, the same stream again. What came before is written to a file that
# exists, so only the missing one is as before.
printf '\n' > newline
printf '\0' > zero
for tail in newline zero full delta zeros; do
  cat full "$tail" > trailing
  expect_refused corrupt ./to/missing receive_from trailing ./to/missing --no-resume
  expect_rc corrupt bsr-stream verify trailing
  expect_rc corrupt receive_from trailing ./to/old --no-resume
  [[ $OUTPUT != *committed* ]] || fail "it says: $OUTPUT"
done
