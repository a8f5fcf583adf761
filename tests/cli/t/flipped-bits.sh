#!/bin/bash
# Streams with one flipped bit anywhere behind their beginning, and everywhere in their last frame: refused, nothing is
# left.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 512K v1
write_random v1 0 70 1
write_text v1 100 300 text
make_pool 64 v1
send_to full 1
mkdir to
export CLI_BUDGET=$((CLI_BUDGET / 2))
python3 "$CLI/damage.py" full ./to/missing bits:-112:0 -- bsr-recv --no-resume ./to/missing
python3 "$CLI/damage.py" full ./to/missing flip:127 -- bsr-recv --no-resume ./to/missing
