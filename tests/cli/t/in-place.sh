#!/bin/bash
# A damaged stream into a file that exists: afterwards it holds neither state, but each sector is of one or the other,
# because a frame is checked before any of it is written.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 512K v1
write_random v1 0 512 1
cp v1 v2
for i in 2 9 27 40 77 150 203 511; do write_random v2 $i 1 $i; done
write_zero v2 256 64
write_text v2 400 20 text
make_pool 64 v1 v2
send_to delta -i 1 2 --size 524288
send_to full 2 --size 524288
export CLI_BUDGET=$((CLI_BUDGET / 4))
mkdir a b
for name in delta full; do
  options=(--no-resume)
  if [[ $name == delta ]]; then options+=(--base "$(identity 1)"); fi
  cp v1 a/target
  python3 "$CLI/damage.py" $name ./a/target=v2 cut:20011 flip:3001 -- bsr-recv "${options[@]}" ./a/target
  cp v1 b/target
  expect_refused ok b/target python3 "$CLI/damage.py" $name ./b/target flip:9001 -- bsr-recv "${options[@]}" -n ./b/target
done

# What it says afterwards is not to be trusted: the next full stream makes it whole again.
head -c 70000 full > part
expect_rc truncated receive_from part ./a/target --no-resume
receive_from full ./a/target > /dev/null
expect_equal v2 a/target
