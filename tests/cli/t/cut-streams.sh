#!/bin/bash
# Streams that end early, everywhere: refused with 11, nothing is left.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 512K v1
write_random v1 0 9 1
write_text v1 100 300 text
make_pool 64 v1
send_to full 1
mkdir to
export CLI_BUDGET=$((CLI_BUDGET / 2))
python3 "$CLI/damage.py" full ./to/missing cut:199 -- bsr-recv --no-resume ./to/missing
python3 "$CLI/damage.py" full ./to/missing cut:997 -- bsr-stream verify
