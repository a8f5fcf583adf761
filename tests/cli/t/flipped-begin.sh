#!/bin/bash
# A full stream with one flipped bit in its first 600 bytes: refused, nothing is left.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 128K v1
write_random v1 0 128 1
make_pool 64 v1
send_to full 1
mkdir to
python3 "$CLI/damage.py" full ./to/missing bits:0:600 -- bsr-recv ./to/missing
