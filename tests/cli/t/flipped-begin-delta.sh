#!/bin/bash
# A delta with one flipped bit in BEGIN: refused, the file that it would apply to is as before.
set -euo pipefail
# shellcheck source=tests/cli/lib.sh
. "$CLI/lib.sh"

truncate -s 128K v1
write_random v1 0 128 1
cp v1 v2
write_random v2 60 10 2
make_pool 64 v1 v2
send_to delta -i 1 2
mkdir to
cp v1 to/old
python3 "$CLI/damage.py" delta ./to/old bits:0:512 -- bsr-recv --base "$(identity 1)" ./to/old
