#!/bin/bash
# Messages: one line on standard error that names the program, the object, and a next step.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 512K v1
write_random v1 0 512 1
cp v1 v2
write_random v2 100 30 2
make_pool 64 v1 v2
send_to full 1
send_to delta -i 1 2
mkdir to
cp v1 to/old
head -c 70000 full > part
{ cat full && echo; } > longer
cp full damaged
flip_byte damaged 100000
echo 'not a stream' > text
head -c 1000 pool.data > short
head -c 4096 pool.meta > bad.meta

# advice ID OBJECT COMMAND...
advice() {
  expect_rc "$1" "${@:3}"
  expect_advice "$2"
}

# Of a stream the receiver says for which target it was, because a host receives many.
advice truncated to/old receive_from /dev/null ./to/old
advice truncated to/old receive_from part ./to/old
advice corrupt to/old receive_from text ./to/old
advice corrupt to/old receive_from damaged ./to/old
cp v1 to/old
advice corrupt to/old receive_from longer ./to/old --no-resume
advice truncated to/new receive_from part ./to/new

advice base to/old receive_from delta ./to/old
advice base to/old receive_from delta ./to/old --base x
advice base to/new receive_from delta ./to/new --base "$(identity 1)"
advice usage base receive_from full ./to/old --base x
advice usage -F receive_from full ./to/old -F
advice busy to/old flock to/old bsr-recv ./to/old < full
advice usage full bsr-send "${POOL[@]}" -o full 1
advice usage 'vg|VG/LV' bsr-send volume
advice usage zstd:20 bsr-send "${POOL[@]}" --compress zstd:20 1
advice corrupt short bsr-send --metadata pool.meta --data short -o never 1
